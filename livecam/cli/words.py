"""The words of tables that people read: JSON has the same keys and states, always in English."""

from __future__ import annotations

from livecam.core.language import to_translate, tr

WORD_KEYS = ("state", "kind", "what")  # their values are words or texts of ours

# Marked for translation: the headings of all tables and pairs, by the keys of their rows.
HEADINGS = (
    to_translate("name"), to_translate("state"), to_translate("what"), to_translate("licence"),
    to_translate("bytes"), to_translate("file"), to_translate("path"), to_translate("kind"),
    to_translate("title"), to_translate("title zh"), to_translate("author"),
    to_translate("description"), to_translate("index"), to_translate("driver"),
    to_translate("virtual"), to_translate("forbidden"), to_translate("channels"),
    to_translate("rate hz"), to_translate("usual"),
    # livecam ctl
    to_translate("version"), to_translate("process"), to_translate("number"),
    to_translate("curtain"), to_translate("frozen"), to_translate("mirror"),
    to_translate("learning"), to_translate("fps"), to_translate("delay ms"),
    to_translate("running s"), to_translate("quality"), to_translate("rung"),
    to_translate("published"), to_translate("source"),
    to_translate("output"),
    to_translate("sinks"), to_translate("renderer"), to_translate("avatar"),
    to_translate("recording"), to_translate("recorded"), to_translate("complete"),
    to_translate("snapshot"), to_translate("settings"), to_translate("ending"),
    # livecam config folders
    to_translate("data"), to_translate("cache"), to_translate("log"), to_translate("sockets"),
    # livecam convert
    to_translate("film"), to_translate("frames"), to_translate("seconds"), to_translate("took s"),
    to_translate("faces"),
    to_translate("passed"), to_translate("sound"), to_translate("result"),
    # livecam motion show, livecam calibrate --show
    to_translate("seen"), to_translate("weights"), to_translate("strongest"),
    to_translate("expression"), to_translate("asked rest"), to_translate("asked utmost"),
    to_translate("asked quiet"), to_translate("learnt rest"), to_translate("learnt utmost"),
    to_translate("learnt quiet"), to_translate("learnt s"),
    # livecam bench
    to_translate("cpu ms per frame"), to_translate("memory mb"), to_translate("memory growth mb"),
    to_translate("tier"), to_translate("size"), to_translate("tracked"), to_translate("states"),
    to_translate("missed"), to_translate("median"), to_translate("first_quarter"),
    to_translate("last_quarter"), to_translate("stage"), to_translate("wall median"),
    to_translate("wall p95"), to_translate("cpu median"), to_translate("cpu p95"),
    to_translate("count"), to_translate("ratio"), to_translate("floor cpu ms per picture"),
    to_translate("floor fps"), to_translate("cpu ms per picture"), to_translate("missed percent"),
    to_translate("cores"), to_translate("captured"), to_translate("observations"),
    to_translate("shown"), to_translate("repeats"), to_translate("thread"), to_translate("line"),
    to_translate("floor"),
    # livecam bench compare
    to_translate("a"), to_translate("b"), to_translate("b over a"),
    # livecam bench tracking
    to_translate("scenario"), to_translate("filter"), to_translate("cost ms"),
    to_translate("lost"), to_translate("offset deg"), to_translate("offset mm"),
    to_translate("offset size"), to_translate("yaw deg"), to_translate("pitch deg"),
    to_translate("roll deg"), to_translate("mm"), to_translate("px"), to_translate("px p95"),
    to_translate("jitter px"), to_translate("lag ms"), to_translate("newest ms"),
    to_translate("newest px"), to_translate("blink lag ms"), to_translate("jaw lag ms"),
    to_translate("back ms"),
)  # fmt: skip
# States of assets and checks, kinds of heads, of what they wear and of times; what is compared.
WORDS = (
    to_translate("ok"), to_translate("missing"), to_translate("broken"),
    to_translate("warn"), to_translate("fail"),
    to_translate("head"), to_translate("glasses"), to_translate("hat"), to_translate("headphones"),
    to_translate("cpu"), to_translate("wall"),
    to_translate("delay ms median"), to_translate("delay ms p95"),
)  # fmt: skip


def heading(key: str) -> str:
    """Returns the heading of a key of a row."""
    return tr(key.replace("_", " "))
