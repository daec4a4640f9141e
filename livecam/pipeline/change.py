"""A change of settings while livecam runs: checked and made ready beside the thread that draws."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from livecam.avatar.base import Avatar
from livecam.compose.base import ReadyStages
from livecam.compose.stages import ready_stages
from livecam.config.fields import changed_fields
from livecam.config.settings import AvatarSettings, Settings
from livecam.core.errors import ConfigError
from livecam.core.language import listed, tr
from livecam.pipeline.build import avatars_of, filmed_picture, slots_of
from livecam.pipeline.composition import CompositorFactory
from livecam.render.head import prepare_head

Remake = Callable[[Settings], CompositorFactory]  # for the compositors of new settings


@dataclass(frozen=True, slots=True)
class Change:
    """New settings with all that must be read from files for them."""

    settings: Settings
    avatars: tuple[Avatar, ...]  # of the slots; those that stay are the same objects
    stages: ReadyStages
    make_compositor: CompositorFactory | None


def change_to(
    settings: Settings,
    before: Settings,
    avatars: tuple[Avatar, ...],
    tier: str,
    remake: Remake | None,
) -> Change:
    """Makes a change ready; any thread may call it.

    `avatars` are those of the settings before, `tier` is that in which they are drawn.

    Raises:
        AssetError: an avatar or accessory does not exist, or its files are broken.
        ConfigError: a setting that cannot change while livecam runs does, or one names a
            background, sticker or look that does not exist.
    """
    check_live(settings, before)
    if settings.avatar != before.avatar:
        avatars = _changed_avatars(settings.avatar, before.avatar, avatars)
        for avatar in avatars:
            prepare_head(avatar, tier)
    in_use = before.picture.background
    return Change(
        settings,
        avatars,
        ready_stages(filmed_picture(settings), settings.effects, in_use),
        None if remake is None else remake(settings),
    )


def check_live(settings: Settings, before: Settings) -> None:
    """Refuses changes of settings that are read at the start alone.

    Raises:
        ConfigError: there are some.
    """
    fixed = [field.key for field in changed_fields(before, settings) if not field.live]
    if slots_of(settings.avatar) != slots_of(before.avatar):
        fixed.append(tr("the number of people"))
    if fixed:
        raise ConfigError(
            "{settings} cannot change while livecam runs",
            hint="it takes effect at the next start",
            settings=listed(fixed),
        )


def _changed_avatars(
    settings: AvatarSettings, before: AvatarSettings, avatars: tuple[Avatar, ...]
) -> tuple[Avatar, ...]:
    """Returns the avatars of the slots; those that stay are not loaded again."""
    names, old = (settings.avatars, settings.avatar), (before.avatars, before.avatar)
    if names == old and settings.accessories == before.accessories:
        return avatars
    kept = {} if settings.accessories != before.accessories else {a.name: a for a in avatars}
    return tuple(kept.get(avatar.name, avatar) for avatar in avatars_of(settings))


def with_first_avatar(settings: Settings, name: str) -> Settings:
    """Returns the settings with another avatar in the first slot, and in those that share it."""
    avatar, several = settings.avatar, settings.avatar.avatars
    changed = (
        {"avatars": tuple(name if each == several[0] else each for each in several)}
        if several
        else {"avatar": name}
    )
    return settings.model_copy(update={"avatar": avatar.model_copy(update=changed)})


def mirrored(settings: Settings) -> Settings:
    """Returns the settings with the published image mirrored, or no longer."""
    output = settings.output
    output = output.model_copy(update={"mirror": not output.mirror})
    return settings.model_copy(update={"output": output})
