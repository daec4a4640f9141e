"""Draws the golden pictures anew: look at them before they are committed."""

import cv2

from livecam.avatar.library import load_avatar
from livecam.render.context import open_graphics
from tests.test_render_golden import CASES, GOLDEN, draw


def main() -> None:
    GOLDEN.mkdir(exist_ok=True)
    avatar = load_avatar("raccoon")
    with open_graphics() as graphics:
        for name in CASES:
            image = draw(graphics, avatar, name)
            path = GOLDEN / f"{name}.png"
            cv2.imwrite(str(path), cv2.cvtColor(image, cv2.COLOR_RGBA2BGR))
            print(path)


if __name__ == "__main__":
    main()
