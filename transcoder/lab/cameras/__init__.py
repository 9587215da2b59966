"""This room simulates legacy cameras for the demo, tests and benchmarks.

`python -m transcoder.lab.cameras --help` starts a fleet. In a test:

    content = from_scene(ContentOptions(scene=SceneOptions(width=640, height=360, counter=True)), cache_folder)
    behaviour = override(FAMILIES["hikvision"].behaviour, ["push_unrequested=true"])
    async with SimulatedCamera(behaviour, content, password="secret") as camera:
        ...  # camera.url, camera.canaries(), await camera.restart(down_s=2.0)

A picture is rendered (`scenes`) and encoded (`content`, or `footage` for the user's own) once, and packetized once
(`content_packets`); each camera loops it with numbers of its own (`camera`, `track`), adds its private data
(`surroundings`, `private_nal`, `private_packets`, `side_media`, `reports`), and speaks its own RTSP (`dialog`) through
an asyncio shell (`server`). Each defect of a camera has a switch of its own (`defects`). Every private field carries a
random mark (`canary`) that `canary_search` finds.
"""
