# SPDX-License-Identifier: MIT
"""The command line of ashlar-bench."""
import argparse
import json
import signal
import sys
import time

from . import command, demo, errors, guest, modes, steps
from .paths import Paths

DESCRIPTION = 'Runs programs under several allocators side by side.'


def positive(text):
    """A count on the command line."""
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(
            f"'{text}': expected a whole number of at least 1")
    return value


def mode_list(text):
    names = [name for name in text.split(',') if name]
    if not names or len(set(names)) < len(names):
        raise argparse.ArgumentTypeError(
            f"'{text}': expected mode names with commas between them, each "
            'once')
    return names


def say_to_stderr(text):
    print(f'[{time.strftime("%H:%M:%S")}] {text}', file=sys.stderr,
          flush=True)


def write_json(result, path):
    if not path:
        return
    try:
        with open(path, 'w') as out:
            json.dump(result, out, indent=1)
            out.write('\n')
    except OSError as err:
        raise errors.Fault(f"--json '{path}': {err.strerror}") from err


def shared_options(rounds):
    """Options that both commands have."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument('--modes', type=mode_list, metavar='LIST',
                        help='of glibc, thp, dev and defined ones; the first '
                        'is what the others are compared with (default: all '
                        'that can run here)')
    parser.add_argument('--define', action='append', default=[],
                        metavar="NAME='VAR=VALUE ...'",
                        help='a mode of your own: an environment')
    parser.add_argument('--rounds', type=positive, default=rounds,
                        metavar='N', help=f'default: {rounds}')
    parser.add_argument('--conf', default='', metavar='KEY:VALUE,...',
                        help='more ASHLAR_CONF options for thp and dev')
    parser.add_argument('--lib', metavar='PATH', help='another libashlar.so')
    parser.add_argument('--json', metavar='FILE', help='write all results')
    return parser


def add_compare(commands):
    parser = commands.add_parser(
        'compare', parents=[shared_options(5)],
        help='run any command under each mode, interleaved',
        usage='ashlar-bench compare [options] -- COMMAND...')
    parser.add_argument('--show', action='store_true',
                        help="let the command's output through")
    parser.add_argument('command', nargs='+', metavar='COMMAND')
    parser.set_defaults(run=run_compare)


def add_demo(commands):
    parser = commands.add_parser(
        'demo', parents=[shared_options(3)],
        help='a Redis server under each mode, snapshots checked')
    parser.add_argument('--keys', type=positive, default=200000, metavar='N',
                        help='default: 200000')
    parser.add_argument('--gets', type=positive, default=60000, metavar='N',
                        help='requests by redis-benchmark (60000)')
    parser.add_argument('--load', type=positive, default=60000, metavar='N',
                        help='reads, writes and deletes (60000)')
    parser.add_argument('--seed', type=positive, default=1, metavar='N',
                        help='of keys, values and operations (1)')
    parser.add_argument('--node', type=int, metavar='N',
                        help='the NUMA node to pin the server to (the last)')
    parser.add_argument('--dir', metavar='DIR',
                        help='where snapshots are written (TMPDIR)')
    parser.add_argument('--vm', metavar='KVER',
                        help='run in a guest with this kernel, by `make vm`')
    parser.add_argument('--in-guest', action='store_true',
                        help=argparse.SUPPRESS)
    parser.set_defaults(run=run_demo)


def run_compare(args, program):
    paths = Paths(program, args.lib)
    chosen = modes.choose(args.modes, args.define, paths, args.conf,
                          say_to_stderr)
    result, status = command.compare(paths, chosen, args.command, args.rounds,
                                     args.show, say_to_stderr)
    write_json(result, args.json)
    return status


def inner_arguments(args):
    """What the demo in the guest is told."""
    words = ['demo', '--in-guest']
    for name in ('rounds', 'conf', 'lib', 'keys', 'gets', 'load', 'seed',
                 'node', 'dir'):
        value = getattr(args, name)
        if value not in (None, ''):
            words += [f'--{name}', str(value)]
    if args.modes:
        words += ['--modes', ','.join(args.modes)]
    for text in args.define:
        words += ['--define', text]
    return words


def run_demo_in_guest(args, program):
    result, status = guest.run(args.vm, program, inner_arguments(args))
    if result is None:
        print('ashlar-bench: the guest ended without a result',
              file=sys.stderr)
        return status or 1
    write_json(result, args.json)
    return status


def run_demo(args, program):
    if args.vm:
        return run_demo_in_guest(args, program)
    paths = Paths(program, args.lib)
    chosen = modes.choose(args.modes, args.define, paths, args.conf,
                          say_to_stderr)
    plan = steps.Plan(args.keys, args.seed, args.gets, args.load,
                      steps.choose_node(args.node), args.dir)
    result, status = demo.demo(paths, chosen, plan, args.rounds,
                               args.in_guest, say_to_stderr)
    write_json(result, args.json)
    if args.in_guest:
        guest.send(result)
    return status


def stop(signum, _frame):
    sys.exit(128 + signum)


def main(program):
    parser = argparse.ArgumentParser(prog='ashlar-bench',
                                     description=DESCRIPTION)
    commands = parser.add_subparsers(required=True, metavar='COMMAND')
    add_compare(commands)
    add_demo(commands)
    args = parser.parse_args()
    # A handler that raises, so that what was started is ended on the way out.
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGHUP, stop)
    try:
        return args.run(args, program)
    except errors.Fault as fault:
        print(f'ashlar-bench: {fault}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
