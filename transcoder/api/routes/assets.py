"""These routes concern the assets: the cameras and recorders that streams are fed by, and how far each is."""

import asyncio
from contextlib import suppress
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from transcoder.api import schema
from transcoder.api.access import Identity, Role
from transcoder.api.answers import NO_STORE, IfMatch, describe_tagged, tag, tagged
from transcoder.api.body import MERGE_PATCH, json_object, named_object
from transcoder.api.problem import problems
from transcoder.api.state import Controlling, ControlOf, Reading, writer
from transcoder.config.include import MAX_FILE_BYTES
from transcoder.control import AssetDocument, AssetImportDocument, AssetsDocument
from transcoder.rejection import Rejected

BASE: Final = "/api/v1/assets"
AT_ONCE: Final = 50
"""Assets that are written without a pause: they take about 5 ms, and pictures wait no longer."""

_FOUND: Final = describe_tagged(200, AssetDocument)
_MADE: Final = describe_tagged(201, AssetDocument)

router = APIRouter(prefix=BASE, tags=["assets"])


def _sees_all(who: Identity) -> bool:
    """Return whether somebody sees what would help an attacker: whoever may change it does."""
    return who.role >= Role.CONTROL


@router.get("", responses={**problems(), 200: {"model": AssetsDocument}})
async def list_assets(control: ControlOf, who: Reading) -> Response:
    """Return all assets; whoever may only read sees no exact location, serial number, MAC address and firmware."""
    found = []
    for count, name in enumerate(control.assets.ids(), 1):
        with suppress(Rejected):  # it was removed meanwhile
            found.append(control.assets.asset(name, confidential=_sees_all(who)).model_dump_json())
        if count % AT_ONCE == 0:
            await asyncio.sleep(0)
    text = f'{{"assets":[{",".join(found)}]}}'
    return Response(text, 200, NO_STORE, "application/json")


@router.post(
    "",
    status_code=201,
    openapi_extra=schema.body("NewAsset"),
    responses={**problems(409, 413, 415, 422), **_MADE},
)
async def add_asset(request: Request, control: ControlOf, who: Controlling) -> Response:
    """Add an asset."""
    asset, keys = await named_object(request)
    document = await control.assets.add(asset, keys, writer(who), confidential=True)
    return tagged(document, 201, Location=f"{BASE}/{asset}")


@router.patch("", openapi_extra=schema.body("AssetImport", MERGE_PATCH), responses=problems(413, 415, 422))
async def change_many(request: Request, control: ControlOf, who: Controlling) -> AssetImportDocument:
    """Add and change many assets and streams, all of them or none: each as a PATCH of its own would."""
    document = await json_object(request, MERGE_PATCH, limit=MAX_FILE_BYTES)
    return await control.assets.change_many(document, writer(who))


@router.get("/{asset}", responses={**problems(404), **_FOUND})
async def get_asset(asset: str, control: ControlOf, who: Reading) -> Response:
    """Return one asset with its record, its state and what the gateway found out about it."""
    return tagged(control.assets.asset(asset, confidential=_sees_all(who)))


@router.patch(
    "/{asset}",
    openapi_extra=schema.body("AssetChange", MERGE_PATCH),
    responses={**problems(404, 412, 413, 415, 422), **_FOUND},
)
async def update_asset(
    asset: str, request: Request, control: ControlOf, who: Controlling, if_match: IfMatch = None
) -> Response:
    """Change some keys of an asset, all of them or none; a null is a value, as in the file.

    A plan that is moved goes to `slips`, with `reason`, which is no key of the asset itself.
    """
    keys = await json_object(request, MERGE_PATCH)
    return tagged(await control.assets.update(asset, keys, writer(who), tag(if_match), confidential=True))


@router.put(
    "/{asset}",
    openapi_extra=schema.body("AssetConfig"),
    responses={**problems(404, 412, 413, 415, 422), **_FOUND, **_MADE},
)
async def replace_asset(
    asset: str, request: Request, control: ControlOf, who: Controlling, if_match: IfMatch = None
) -> Response:
    """Give an asset these keys and no others; the asset is added where there was none."""
    keys = await json_object(request)
    is_new = asset not in control.assets.ids()
    document = await control.assets.replace(asset, keys, writer(who), tag(if_match), confidential=True)
    return tagged(document, 201 if is_new else 200)


@router.post(
    "/{asset}/device",
    openapi_extra=schema.body("AssetDevice"),
    responses={**problems(404, 413, 415, 422), **_FOUND},
)
async def note_device(asset: str, request: Request, control: ControlOf, who: Controlling) -> Response:
    """Note what the device of an asset told over ONVIF: as findings, which stand below the operator's word."""
    told = await json_object(request)
    return tagged(await control.assets.note_device(asset, told, writer(who), confidential=True))


@router.delete("/{asset}", status_code=204, response_class=Response, responses=problems(404, 412, 422))
async def remove_asset(asset: str, control: ControlOf, who: Controlling, if_match: IfMatch = None) -> Response:
    """Take an asset out of the inventory that no stream and no other asset names; its history stays."""
    await control.assets.remove(asset, writer(who), tag(if_match))
    return Response(status_code=204)
