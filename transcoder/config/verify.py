"""This section says how often the gateway looks at what it serves, as a reader would."""

from typing import Annotated

from pydantic import Field

from transcoder.config.section import NotBool, Section


class VerifyConfig(Section):
    """`verify` says how often the gateway verifies each of its streams by itself."""

    every_h: Annotated[float, Field(ge=0.1, le=8760), NotBool] | None = 24
    """The hours between two verifications of a stream; one stream is verified at a time, so that many streams are
    verified as often as there is time for. null: the gateway verifies streams only when it is asked to."""
    seconds: Annotated[float, Field(ge=5, le=3600), NotBool] = 60
    """The seconds for which a stream is read; 5 are five pictures of a slate, which is known by them."""
    clean_days: Annotated[float, Field(ge=1, le=365), NotBool] = 30
    """The days for which a clean verdict counts: an asset whose streams had none for longer is legacy again."""
