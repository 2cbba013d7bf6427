"""The arguments of `vllm serve`, as the real parser takes them; what it doesn't know or can't mean ends with status 2."""

import argparse
import json
import re

# vLLM's own defaults.
MASTER_PORT = 29501
RPC_PORT = 29550

# One GPU a host: every rank is a host of its own.
VALUES = {
    int: """--max-model-len --max-num-batched-tokens --max-num-seqs --max-num-partial-prefills --seed --block-size
        --max-logprobs --num-gpu-blocks-override --max-parallel-loading-workers --stream-interval
        --distributed-timeout-seconds --long-prefill-token-threshold --api-server-count""",
    float: "--swap-space --cpu-offload-gb --kv-cache-memory-bytes --mm-processor-cache-gb",
    str: """--tokenizer --tokenizer-mode --tokenizer-revision --code-revision --hf-config-path --hf-token
        --hf-overrides --config-format --allowed-local-media-path --download-dir --quantization --load-format
        --model-loader-extra-config --rope-scaling --rope-theta --override-generation-config --generation-config
        --reasoning-parser --tool-call-parser --tool-parser-plugin --chat-template-content-format --response-role
        --default-chat-template-kwargs --attention-backend --mm-encoder-attn-backend --mm-encoder-tp-mode
        --limit-mm-per-prompt --mm-processor-kwargs --compilation-config --kv-transfer-config
        --kv-events-config --additional-config --scheduling-policy --scheduler-cls --structured-outputs-config
        --guided-decoding-backend --uvicorn-log-level --ssl-keyfile --ssl-certfile --root-path --worker-cls
        --all2all-backend --moe-backend --prefix-caching-hash-algo --mamba-ssm-cache-dtype --mamba-cache-dtype
        --mamba-block-size --runner --convert --task --logits-processors --lora-modules --performance-mode
        --allowed-origins --allowed-methods --allowed-headers --optimization-level --otlp-traces-endpoint""",
}
SWITCHES = """--trust-remote-code --enforce-eager --enable-prefix-caching --enable-auto-tool-choice --enable-expert-parallel
    --enable-chunked-prefill --enable-lora --enable-eplb --async-scheduling --disable-custom-all-reduce
    --disable-log-stats --enable-log-requests --disable-log-requests --disable-cascade-attn --language-model-only
    --disable-sliding-window --enable-sleep-mode --skip-tokenizer-init --enable-prompt-tokens-details
    --enable-request-id-headers --disable-uvicorn-access-log --disable-hybrid-kv-cache-manager --enable-dbo
    --enable-server-load-tracking --enable-force-include-usage --skip-mm-profiling --use-tqdm-on-load
    --data-parallel-hybrid-lb --data-parallel-external-lb"""
SHORT = {"--quantization": "-q", "--compilation-config": "-cc", "--optimization-level": "-O"}
SEVERAL = ("--allowed-origins", "--lora-modules", "--logits-processors")
CACHE_TYPES = ["auto", "bfloat16", "float16", "fp8", "fp8_e4m3", "fp8_e5m2", "fp8_inc", "fp8_ds_mla", "nvfp4"]
TYPES = ["auto", "half", "float16", "bfloat16", "float", "float32"]


def parse(words):
    """The arguments of a rank; words start with `serve`. A fault is said as argparse does, with exit status 2."""
    parser = build_parser()
    arguments = parser.parse_args(whole([plain(word) for word in words]))
    fault = fault_of(arguments)
    if fault is not None:
        parser.error(fault)
    return arguments


def plain(word):
    """vLLM takes --max_model_len for --max-model-len."""
    if not word.startswith("-"):
        return word
    name, joined, value = word.partition("=")
    if name.startswith("--"):
        name, dot, key = name.partition(".")
        name = name.replace("_", "-") + dot + key
    return name + joined + value


def whole(words):
    """vLLM takes --speculative-config.method=x, or with x as the next word, for a key of the JSON, and puts all of it last."""
    left, keys = [], {}
    rest = iter(words)
    for word in rest:
        found = re.fullmatch(r"(-cc|-sc|--[a-z-]+-config)\.([\w.-]+)(?:=(.*))?", word, re.DOTALL)
        if not found:
            left.append(word)
            continue
        name, key, value = found.groups()
        keys.setdefault(name, {})[key] = loaded(next(rest, "") if value is None else value)
    return left + [word for name, values in keys.items() for word in (name, json.dumps(values))]


def loaded(text):
    """A value as JSON, where it is that."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def build_parser():
    """The parser of all that the launch, recipes and people use."""
    parser = argparse.ArgumentParser(prog="vllm", usage="vllm serve [model_tag] [options]", allow_abbrev=False)
    parser.add_argument("command", choices=["serve"])
    parser.add_argument("model_tag", nargs="?")
    add_launch(parser)
    add_server(parser)
    for kind, names in VALUES.items():
        for name in names.split():
            short = [SHORT[name]] if name in SHORT else []
            parser.add_argument(name, *short, type=kind, nargs="+" if name in SEVERAL else None)
    for name in SWITCHES.split():
        parser.add_argument(name, action=argparse.BooleanOptionalAction)
    return parser


def add_launch(parser):
    """How ranks are many, and meet."""
    size = {"type": positive, "default": 1}
    parser.add_argument("--tensor-parallel-size", "--tensor-parallel", "-tp", dest="tensor", **size)
    parser.add_argument("--pipeline-parallel-size", "--pipeline-parallel", "-pp", dest="pipeline", **size)
    parser.add_argument("--data-parallel-size", "-dp", dest="data", **size)
    parser.add_argument("--data-parallel-size-local", "-dpl", dest="data_local", type=int)
    parser.add_argument("--data-parallel-rank", "-dpn", dest="data_rank", type=int)
    parser.add_argument("--data-parallel-start-rank", "-dpr", dest="start_rank", type=int)
    parser.add_argument("--data-parallel-address", "-dpa", dest="data_address")
    parser.add_argument("--data-parallel-rpc-port", "-dpp", dest="rpc_port", type=port, default=RPC_PORT)
    parser.add_argument("--data-parallel-backend", "-dpb", choices=["mp", "ray"], default="mp")
    parser.add_argument("--distributed-executor-backend", dest="backend", choices=["mp", "ray", "uni"])
    parser.add_argument("--nnodes", "-n", type=positive, default=1)
    parser.add_argument("--node-rank", "-r", type=int)
    parser.add_argument("--master-addr")
    parser.add_argument("--master-port", type=port, default=MASTER_PORT)
    parser.add_argument("--headless", action="store_true")


def add_server(parser):
    """What is served, and where."""
    parser.add_argument("--model")
    parser.add_argument("--revision")
    parser.add_argument("--served-model-name", nargs="+")
    parser.add_argument("--host", default="")
    parser.add_argument("--port", type=port, default=8000)
    parser.add_argument("--api-key", nargs="+")
    parser.add_argument("--chat-template")
    parser.add_argument("--speculative-config", "-sc", type=json_object)
    parser.add_argument("--spec-method")
    parser.add_argument("--spec-model")
    parser.add_argument("--spec-tokens", type=positive)
    parser.add_argument("--gpu-memory-utilization", "-gmu", type=fraction, default=0.92)
    parser.add_argument("--kv-cache-dtype", choices=CACHE_TYPES, default="auto")
    parser.add_argument("--dtype", choices=TYPES, default="auto")


def fault_of(arguments):
    """What contradicts itself, or None."""
    if arguments.model_tag and arguments.model and arguments.model_tag != arguments.model:
        return f"argument --model: {arguments.model} is not {arguments.model_tag}, which stands before it"
    if not (arguments.model_tag or arguments.model):
        return "the following arguments are required: model_tag"
    if arguments.speculative_config is not None and (arguments.spec_method or arguments.spec_model or arguments.spec_tokens):
        return "argument --speculative-config: not with --spec-method, --spec-model and --spec-tokens"
    if arguments.data_rank is not None:
        return "argument --data-parallel-rank: for MoE models behind a balancer of their own only"
    return fault_of_nodes(arguments) or fault_of_replicas(arguments) or fault_of_head(arguments)


def fault_of_nodes(arguments):
    """Ranks that make up one replica, or several of them, by --nnodes."""
    count = arguments.tensor * arguments.pipeline
    nodes, rank = arguments.nnodes, arguments.node_rank
    if nodes == 1:
        if rank is not None and rank != 0:
            return f"argument --node-rank: {rank} is not less than --nnodes 1"
        over_ray = arguments.backend == "ray"
        return None if count == 1 or over_ray else f"World size ({count}) is larger than the number of available GPUs (1)"
    if nodes != count * arguments.data:
        sizes = f"tensor {arguments.tensor} x pipeline {arguments.pipeline} x data parallel {arguments.data}"
        return f"argument --nnodes: {nodes} nodes with 1 GPU each are not {sizes}"
    if rank is None:
        return "argument --node-rank: needed with --nnodes > 1"
    if not 0 <= rank < nodes:
        return f"argument --node-rank: {rank} is not from 0 to {nodes - 1}"
    if arguments.master_addr is None:
        return "argument --master-addr: needed with --nnodes > 1"
    return f"argument --distributed-executor-backend: ray, with --nnodes {nodes}" if arguments.backend == "ray" else None


def fault_of_replicas(arguments):
    """Data parallel."""
    data, start = arguments.data, arguments.start_rank
    if data == 1:
        said = start is not None or arguments.data_address is not None or arguments.data_local not in (None, 1)
        return "argument --data-parallel-size: needed with other --data-parallel arguments" if said else None
    if arguments.data_local != 1:
        return f"argument --data-parallel-size-local: {arguments.data_local} replicas on a host with 1 GPU"
    if arguments.data_address is None:
        return "argument --data-parallel-address: needed with --data-parallel-size > 1"
    if start is not None and arguments.nnodes > 1:
        return "argument --data-parallel-start-rank: follows from --node-rank"
    return f"argument --data-parallel-start-rank: {start} is not from 0 to {data - 1}" if not 0 <= (start or 0) < data else None


def fault_of_head(arguments):
    """The first rank, and only it, serves."""
    rank = rank_of(arguments)
    if rank == 0 and arguments.headless:
        return "argument --headless: rank 0 serves; it can't be without a head"
    return f"argument --headless: needed on rank {rank}" if rank > 0 and not arguments.headless else None


def rank_of(arguments):
    """The rank among all of the deployment's."""
    return (arguments.node_rank or 0) if arguments.nnodes > 1 else (arguments.start_rank or 0)


def world_of(arguments):
    """How many ranks there are."""
    if arguments.backend == "ray":
        return arguments.tensor * arguments.pipeline
    return arguments.nnodes if arguments.nnodes > 1 else arguments.data


def positive(text):
    """A size."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"invalid size: {text}")
    return value


def port(text):
    """A TCP port."""
    value = int(text)
    if not 0 < value < 65536:
        raise argparse.ArgumentTypeError(f"invalid port: {text}")
    return value


def fraction(text):
    """More than 0, up to 1."""
    value = float(text)
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"invalid fraction: {text}")
    return value


def json_object(text):
    """What a configuration says."""
    value = json.loads(text)
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError(f"Value {text} cannot be converted to a JSON object")
    return value
