"""The verifier's network and how texts become its input; shared by both training stages.

MPNet (Song et al., NeurIPS 2020) as all-MPNet-base-v2 left it, the lower nine of its twelve layers: the upper ones of a sentence encoder serve its own
task most and cost a third of the time (Sajjad et al., "On the effect of dropping layers", CSL 2023). Word vectors stay frozen, so words unseen in training keep
their neighbours.
"""

from __future__ import annotations

import hashlib
import pathlib
import random
from collections.abc import Sequence

import torch
import torch.distributed
from tokenizers import Tokenizer
from transformers import MPNetConfig, MPNetForSequenceClassification

BASE_SHA256 = "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658"  # model.safetensors as published
LAYERS = 9
# No dropout: hardly a pair is seen twice, and drawing the masks costs an eighth of a training step on a CPU.
NO_DROPOUT = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
PAD = 1
Item = tuple[list[int], int]  # token ids, label


def check_base(base: pathlib.Path) -> None:
    """Refuses weights other than the published ones."""
    found = hashlib.sha256((base / "model.safetensors").read_bytes()).hexdigest()
    if found != BASE_SHA256:
        raise SystemExit(f"{base}/model.safetensors has SHA-256 {found[:12]}..., wanted {BASE_SHA256[:12]}...: take all-mpnet-base-v2 as published.")


def fresh(base: pathlib.Path, outputs: int) -> MPNetForSequenceClassification:
    """The encoder with a new head of `outputs` logits."""
    check_base(base)
    return MPNetForSequenceClassification.from_pretrained(base, num_labels=outputs, num_hidden_layers=LAYERS, **NO_DROPOUT)


def from_state(base: pathlib.Path, state: dict[str, torch.Tensor], outputs: int) -> MPNetForSequenceClassification:
    """The network with weights of a checkpoint."""
    config = MPNetConfig.from_pretrained(base, num_labels=outputs, num_hidden_layers=LAYERS, **NO_DROPOUT)
    config._attn_implementation = "eager"  # the only one that transformers has for MPNet
    model = MPNetForSequenceClassification(config)
    model.load_state_dict(state)
    return model


def tokenizer_of(base: pathlib.Path, max_tokens: int) -> Tokenizer:
    """`claim </s></s> evidence`: the claim stands first and is never cut."""
    tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens, strategy="only_second")
    return tokenizer


def batches(lengths: Sequence[int], budget: int, rng: random.Random, jitter: float = 12.0) -> list[list[int]]:
    """Indices grouped by length so that a batch holds about `budget` tokens and little padding, in random order."""
    order = sorted(range(len(lengths)), key=lambda i: lengths[i] + rng.random() * jitter)
    out: list[list[int]] = []
    part: list[int] = []
    width = 0
    for i in order:
        width = max(width, lengths[i])
        if part and width * (len(part) + 1) > budget:
            out.append(part)
            part, width = [], lengths[i]
        part.append(i)
    if part:
        out.append(part)
    rng.shuffle(out)
    return out


def collate(items: Sequence[Item]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(ids, mask, labels) padded to the longest."""
    width = max(len(ids) for ids, _ in items)
    ids = torch.full((len(items), width), PAD, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, (tokens, _) in enumerate(items):
        ids[row, : len(tokens)] = torch.tensor(tokens)
        mask[row, : len(tokens)] = 1
    return ids, mask, torch.tensor([label for _, label in items])


def optimiser_of(model: MPNetForSequenceClassification, lr: float, frozen: int = 0) -> tuple[torch.optim.Optimizer, list[torch.nn.Parameter]]:
    """AdamW over everything but the word vectors and the `frozen` lowest layers; no decay on biases and norms.

    Without their gradients a step costs a fifth less at three of nine, for next to no loss (Lee et al., "What would Elsa do?", 2019).
    """
    model.get_input_embeddings().weight.requires_grad_(False)
    if frozen:
        model.mpnet.embeddings.requires_grad_(False)
        for layer in model.mpnet.encoder.layer[:frozen]:
            layer.requires_grad_(False)
    trained = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": 0.01},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=lr), trained


WORDS = "mpnet.embeddings.word_embeddings.weight"  # frozen, so they are those of the base


def pack(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A checkpoint in a quarter of its size: matrices as int8 with a scale for each row, the rest as it is, word vectors left out."""
    out = {}
    for name, value in state.items():
        if name == WORDS:
            continue
        if value.ndim == 2:
            scale = value.abs().amax(1, keepdim=True).clamp(min=1e-12) / 127
            out[name], out[f"{name}.scale"] = torch.round(value / scale).to(torch.int8), scale
        else:
            out[name] = value
    return out


def unpack(packed: dict[str, torch.Tensor], base: pathlib.Path) -> dict[str, torch.Tensor]:
    """The checkpoint again, with the word vectors of the base."""
    from safetensors import safe_open

    check_base(base)
    out = {n: v.float() * packed[f"{n}.scale"] if v.dtype is torch.int8 else v for n, v in packed.items() if not n.endswith(".scale")}
    with safe_open(base / "model.safetensors", "pt") as published:
        key = next(k for k in published.keys() if k.endswith("word_embeddings.weight"))  # noqa: SIM118
        out[WORDS] = published.get_tensor(key)
    return out


class Crew:
    """Processes of one thread each that train one model, every one on its own batches, with the mean of their gradients.

    On two cores two of them train nearly twice as fast as one process with two threads: only the products of matrices share their work among threads.
    """

    def __init__(self, rank: int = 0, ranks: int = 1, meeting: pathlib.Path | None = None) -> None:
        """Joins the `ranks` processes that meet in the file `meeting`; alone there is nothing to join."""
        self.rank, self.ranks = rank, ranks
        if ranks > 1:
            torch.set_num_threads(1)
            torch.distributed.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=ranks)

    def mean(self, trained: Sequence[torch.nn.Parameter]) -> None:
        """Replaces each gradient by its mean over the crew."""
        if self.ranks > 1:
            grads = [p.grad for p in trained if p.grad is not None]
            flat = torch.cat([g.flatten() for g in grads])
            torch.distributed.all_reduce(flat)
            flat /= self.ranks
            for g, part in zip(grads, flat.split([g.numel() for g in grads]), strict=True):
                g.copy_(part.view_as(g))

    def agree(self, value: float) -> float:
        """The first one's value, so that all stop at the same step."""
        if self.ranks == 1:
            return value
        said = torch.tensor([value], dtype=torch.float64)
        torch.distributed.broadcast(said, 0)
        return float(said[0])


class Smoothed(torch.nn.Module):
    """A linear layer whose inputs are evened out before they are quantised (SmoothQuant, Xiao et al., ICML 2023).

    MPNet has a few hidden dimensions that are ten times louder than the rest; one scale for all of them leaves the rest few of the 256 steps.
    """

    def __init__(self, linear: torch.nn.Linear, peak: torch.Tensor, alpha: float) -> None:
        super().__init__()
        weight = linear.weight.detach()
        scale = (peak.clamp(min=1e-4) ** alpha / weight.abs().amax(0).clamp(min=1e-4) ** (1 - alpha)).clamp(min=1e-3)
        self.quieten = torch.nn.Parameter(1 / scale)
        self.linear = torch.nn.Linear(weight.shape[1], weight.shape[0])
        self.linear.weight.data = weight * scale
        self.linear.bias.data = linear.bias.detach().clone()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(x * self.quieten)


def smooth(model: MPNetForSequenceClassification, texts: Sequence[Sequence[int]], alpha: float = 0.75) -> None:
    """Replaces the encoder's linear layers in place, with peaks seen on `texts` (token ids).

    With alpha 0.75 the int8 model's probabilities differ from the float model's by 0.005 on average, without smoothing by 0.040.
    """
    peaks: dict[str, torch.Tensor] = {}

    def watch(name: str):
        def hook(_module, inputs) -> None:
            seen = inputs[0].detach().abs().reshape(-1, inputs[0].shape[-1]).amax(0)
            peaks[name] = torch.maximum(peaks[name], seen) if name in peaks else seen

        return hook

    encoder = model.mpnet.encoder
    layers = {n: m for n, m in encoder.named_modules() if isinstance(m, torch.nn.Linear)}
    hooks = [m.register_forward_pre_hook(watch(n)) for n, m in layers.items()]
    model.eval()
    with torch.no_grad():
        for ids in texts:
            model(input_ids=torch.tensor([list(ids)]))
    for hook in hooks:
        hook.remove()
    for name, linear in layers.items():
        *path, last = name.split(".")
        parent = encoder
        for part in path:
            parent = getattr(parent, part)
        setattr(parent, last, Smoothed(linear, peaks[name], alpha))
