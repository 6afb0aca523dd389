"""Train, calibrate, measure and export the digit net.

``python -m models.train.digits --data ../shared/digits --out models/`` repeats the shipped recipe on one core, from
seed to card. A run writes a log and a checkpoint to its work folder and goes on from there when started again.
"""

import argparse
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import torch
from torch import nn

from models.train.net import DigitNet
from models.train.sampler import Mixture, Pools, load_pools, make_batch

BATCH = 64
SEED = 20_240_214
_WARM_SHARE = 0.05
_DECAY = 5e-3
_AVERAGE = 0.998
_CHECKPOINT_EVERY = 500


@dataclass(frozen=True, slots=True)
class Stage:
    """One run of training: batches of 64, the largest learning rate, and what a batch is made of."""

    steps: int
    rate: float
    mixture: Mixture


_MORE_REAL = Mixture(real=0.5, scans=0.16, table=0.2, junk=0.05)
_MORE_TABLES = Mixture(real=0.5, scans=0.14, table=0.24, junk=0.05)
STAGES = (
    Stage(6_000, 2e-3, Mixture()),
    Stage(2_400, 8e-4, _MORE_REAL),
    Stage(2_400, 7e-4, _MORE_TABLES),
)
"""The shipped recipe; each stage begins with the averaged weights of the one before. In the run that shipped, the drawn
strokes of 1, 3 and 7 came in at step 3,000 of the first stage and the looped 2 with the third (docs/model-cards.md)."""


def learning_rate(step: int, stage: Stage) -> float:
    """Linear warm-up over the first 5 % of the steps, then half a cosine to zero."""
    warm = max(1, int(stage.steps * _WARM_SHARE))
    if step < warm:
        return stage.rate * (step + 1) / warm
    share = (step - warm) / max(1, stage.steps - warm)
    return float(stage.rate * 0.5 * (1 + torch.cos(torch.tensor(torch.pi * share)).item()))


def train(
    pools: Pools, stage: Stage, seed: int, work_dir: Path, start: DigitNet | None = None, stop_at: int | None = None
) -> DigitNet:
    """Train a net, or go on from the checkpoint in the work folder.

    The weights returned are a running average, which at this size is worth as much as twice the steps.

    Args:
        pools: training boxes.
        stage: steps, rate and mixture.
        seed: of weights, dropout and batches.
        work_dir: existing folder for ``train.log`` and ``checkpoint.pt``.
        start: net of the stage before; ``None`` begins with random weights.
        stop_at: step before which to stop, for a later run to go on from; ``None`` runs to the end.

    Returns:
        The averaged net, in evaluation mode.
    """
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    torch.manual_seed(seed)
    net = DigitNet().to(memory_format=torch.channels_last)
    if start is not None:
        net.load_state_dict(start.state_dict())
    average = torch.optim.swa_utils.AveragedModel(net, avg_fn=_running_average, use_buffers=True)
    optimizer = torch.optim.AdamW(net.parameters(), lr=stage.rate, weight_decay=_DECAY)
    checkpoint = work_dir / "checkpoint.pt"
    first, end, spent_s = 0, stage.steps if stop_at is None else stop_at, 0.0
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        net.load_state_dict(state["net"])
        average.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        first, spent_s = int(state["step"]), float(state["seconds"])
    loss_of = nn.CrossEntropyLoss()
    net.train()
    began = time.monotonic() - spent_s
    total = 0.0
    with (work_dir / "train.log").open("a", encoding="utf-8") as log:
        for step in range(first, end):
            # Dropout too starts from the step, or a resumed run would differ.
            torch.manual_seed(seed + step)
            cells, targets = make_batch(pools, stage.mixture, BATCH, seed, step)
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(step, stage)
            inputs = torch.from_numpy(cells).contiguous(memory_format=torch.channels_last)
            with torch.autocast("cpu", torch.bfloat16):
                scores = net(inputs)
            loss = loss_of(scores.float(), torch.from_numpy(targets))
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            average.update_parameters(net)
            total += float(loss.item())
            if (step + 1) % 100 == 0:
                line = {"step": step + 1, "loss": round(total / 100, 4), "s": round(time.monotonic() - began, 1)}
                print(json.dumps(line), file=log, flush=True)
                total = 0.0
            if (step + 1) % _CHECKPOINT_EVERY == 0 or step + 1 == end:
                _save(checkpoint, net, average, optimizer, step + 1, time.monotonic() - began)
    trained = average.module
    assert isinstance(trained, DigitNet)
    return trained.eval()


def _running_average(mean: torch.Tensor, now: torch.Tensor, seen: torch.Tensor | int) -> torch.Tensor:
    """Exponential average whose memory grows with the steps seen, so that the first random weights are forgotten."""
    keep = min(_AVERAGE, (1 + float(seen)) / (10 + float(seen)))
    return mean * keep + now * (1 - keep)


def _save(
    path: Path, net: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer, step: int, seconds: float
) -> None:
    state = {
        "net": net.state_dict(),
        "average": average.state_dict(),
        "optimizer": optimizer.state_dict(),
        "step": step,
        "seconds": seconds,
    }
    unfinished = path.with_suffix(".part")
    torch.save(state, unfinished)
    unfinished.replace(path)


def main(arguments: list[str] | None = None) -> int:
    """The command; see the module's docstring.

    Returns:
        0 when model, card and reference logits were written.
    """
    from models.train.export import export_and_measure

    parser = argparse.ArgumentParser(prog="python -m models.train.digits", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the digit data")
    parser.add_argument("--out", type=Path, required=True, help="folder for the model, its card and reference logits")
    parser.add_argument("--name", default="digits-2", help="name of the model (default: digits-2)")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--work", type=Path, default=None, help="log and checkpoint (default: build/train-NAME)")
    parser.add_argument("--photo-groups", nargs="*", default=[], help="photos whose boxes are trained on as well")
    options = parser.parse_args(arguments)
    work_dir: Path = options.work or Path("build") / f"train-{options.name}"
    pools = load_pools(options.data, frozenset(options.photo_groups))
    net, seconds = None, 0.0
    for i, stage in enumerate(STAGES):
        stage_dir = work_dir / f"stage-{i + 1}"
        stage_dir.mkdir(parents=True, exist_ok=True)
        net = train(pools, stage, options.seed + i, stage_dir, net)
        seconds += torch.load(stage_dir / "checkpoint.pt", weights_only=True)["seconds"]
    assert net is not None
    recipe = {
        "steps": [stage.steps for stage in STAGES],
        "rates": [stage.rate for stage in STAGES],
        "batch": BATCH,
        "seed": options.seed,
        "train_s": round(seconds),
        "photo_groups": sorted(options.photo_groups),
    }
    export_and_measure(net, options.data, options.out, options.name, recipe)
    return 0


if __name__ == "__main__":
    sys.exit(main())
