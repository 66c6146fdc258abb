"""Replays one run of the world from a seed, and prints it step by step.

    python tests/python/simulate.py --seed 7 [--steps 300] [--bug NAME]

The same seed gives the same run. The exit code is 1 if a promise was broken.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from simulated.board import BUTTONS
from simulated.bugs import BUGS
from simulated.visitor import Visitor
from simulated.wire import FAILURES, Wire
from simulated.world import World

VISITORS_MAX = 4
STEPS = 150
WAITS_S = (0.003, 0.1, 1.0, 15.0, 130.0, 100_000.0)


class Run:
    """One run: which step comes next is drawn from the seed."""

    def __init__(self, seed: int, say: Callable[[str], None]) -> None:
        self.random = random.Random(seed)
        self.world = World(seed, say)
        # Steps and how often they are taken; what breaks much is rare, or nothing is ever built.
        self.choices: list[tuple[int, Callable[[], Any]]] = [
            (30, self.click),
            (6, lambda: self.world.click_row(self.visitor, self.random.randrange(10))),
            (8, lambda: self.world.type(self.visitor)),
            (40, lambda: self.deliver(self.world.deliver_up)),
            (40, lambda: self.deliver(self.world.deliver_down)),
            (12, lambda: self.world.change(self.random.choice(["count", "write", "point"]))),
            (10, self.world.open_gate),
            (5, lambda: self.world.click(self.visitor, "ask")),
            (6, lambda: self.world.answer(self.visitor)),
            (10, self.fail),
            (6, self.cut),
            (8, self.connect),
            (8, lambda: self.world.wait(self.random.choice(WAITS_S[:4]))),
            (1, lambda: self.world.wait(self.random.choice(WAITS_S))),
            (2, lambda: self.world.reload(self.visitor)),
            (1, self.visit),
            (1, lambda: self.world.share(self.visitor, self.visitor)),
            (1, lambda: self.world.restart(with_state=True)),
            (1, lambda: self.world.restart(with_state=True, is_kill=True)),
            (1, self.lose_all),
            (2, self.world.rest),
        ]

    @property
    def visitor(self) -> Visitor:
        return self.random.choice(self.world.visitors)

    def click(self) -> None:
        self.world.click(self.visitor, self.random.choice(BUTTONS))

    def deliver(self, how: Callable[[Wire, int], None]) -> None:
        if self.world.wires:
            how(self.random.choice(self.world.wires), self.random.choice([1, 1, 3, 20]))

    def fail(self) -> None:
        if self.world.wires:
            self.world.fail(
                self.random.choice(self.world.wires),
                self.random.choice(FAILURES),
                is_up=self.random.random() < 0.5,
                at=self.random.randrange(5),
            )

    def cut(self) -> None:
        if self.world.wires:
            self.world.cut(self.random.choice(self.world.wires))

    def connect(self) -> None:
        """Connect who is not connected, or once in a while who is."""
        lost = [it for it in self.world.visitors if it.wire is None]
        if lost or self.random.random() < 0.4:
            self.world.connect(self.random.choice(lost or self.world.visitors))

    def visit(self) -> None:
        if len(self.world.visitors) < VISITORS_MAX:
            # The third one is a second tab of the first one's browser.
            self.world.visit("visitor1" if len(self.world.visitors) == 2 else "")

    def lose_all(self) -> None:
        self.world.restart(with_state=False, is_kill=self.random.random() < 0.5)

    def go(self, steps: int) -> None:
        """Take that many steps, and come to rest."""
        self.world.visit()
        self.world.visit()
        weights = [weight for weight, _ in self.choices]
        for _ in range(steps):
            (step,) = self.random.choices([step for _, step in self.choices], weights)
            step()
            self.world.check()
        self.world.rest()


def run(seed: int, steps: int = STEPS, say: Callable[[str], None] = lambda text: None) -> None:
    """Let one run happen; raise Broken, or whatever else went wrong."""
    made = Run(seed, say)
    try:
        made.go(steps)
    finally:
        made.world.close()


def main() -> int:
    """Print one run, and its verdict."""
    parser = argparse.ArgumentParser(description="Replay one run of the simulated world.")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--bug", choices=sorted(BUGS), help="what is to be wrong")
    arguments = parser.parse_args()
    count = 0

    def say(text: str) -> None:
        nonlocal count
        count += 1
        print(f"{count:5} {text}")

    with BUGS[arguments.bug]() if arguments.bug else nullcontext():
        try:
            run(arguments.seed, arguments.steps, say)
        except AssertionError as error:
            print(f"seed {arguments.seed}: broken: {error}")
            return 1
    print(f"seed {arguments.seed}: all promises were kept")
    return 0


if __name__ == "__main__":
    sys.exit(main())
