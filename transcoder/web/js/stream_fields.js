/** The keys of a stream that the page changes, and those of a rendition, with their kinds and choices. */

const CODECS = [["h264", "H.264"], ["h265", "H.265"]];
const SIZES = ["640x360", "704x576", "1280x720", "1920x1080", "2560x1440", "3840x2160"];

/** Returns the kinds of the keys that say how a picture is encoded; `under` is where they lie, as in "video". */
function encoded(under) {
  const key = (name) => ({ path: `${under}.${name}`, testid: `control-${under === "video" ? name : `${under}.${name}`}` });
  return [
    { ...key("codec"), kind: "choice", label: "controls.codec", choices: CODECS },
    { ...key("size"), kind: "text", label: "controls.size", hint: "controls.size.hint", nothing: null, examples: SIZES },
    { ...key("fps"), kind: "number", label: "controls.fps", hint: "controls.fps.hint", nothing: null },
    { ...key("bitrate_kbps"), kind: "number", label: "controls.bitrate" },
    { ...key("gop_s"), kind: "number", label: "controls.gop", hint: "controls.gop.hint" },
  ];
}

/** The keys of a stream. */
export const STREAM_KINDS = [
  { path: "enabled", kind: "flag", label: "controls.enabled", hint: "controls.enabled.hint", testid: "control-enabled" },
  ...encoded("video"),
  {
    path: "audio", kind: "choice", label: "controls.audio", testid: "control-audio",
    choices: [["drop", "controls.audio.drop"], ["reencode", "controls.audio.reencode"]],
  },
  {
    path: "audio_codec", kind: "choice", label: "controls.audio_codec", testid: "control-audio_codec",
    choices: [["aac", "AAC"], ["pcma", "G.711 A-law"], ["pcmu", "G.711 µ-law"]],
  },
];

/** Returns the keys of a rendition. */
export function renditionKinds(name) {
  const under = `renditions.${name}`;
  return [
    ...encoded(under),
    {
      path: `${under}.audio`, kind: "choice", label: "controls.audio", testid: `control-${under}.audio`,
      choices: [["inherit", "controls.audio.inherit"], ["drop", "controls.audio.drop"]],
    },
    {
      path: `${under}.on_demand`, kind: "flag", label: "controls.on_demand", hint: "controls.on_demand.hint",
      testid: `control-${under}.on_demand`,
    },
  ];
}

/** The values of a rendition that is added: a small picture for walls, made only while somebody reads it. */
export const NEW_RENDITION = { codec: "h264", size: "640x360", fps: 10, bitrate_kbps: 500, gop_s: 1, audio: "inherit", on_demand: true };
