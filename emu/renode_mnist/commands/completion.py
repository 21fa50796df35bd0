"""``renode-mnist completion``."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from renode_mnist.errors import EnvironmentProblem

_PROGRAM = "renode-mnist"
_VARIABLE = "_RENODE_MNIST_COMPLETE"
"""click asks for it by this name, made of the program's."""


# \b keeps lines as they are.
_PLACES = """\b
bash  renode-mnist completion bash > ~/.local/share/bash-completion/completions/renode-mnist
zsh   renode-mnist completion zsh > FOLDER/_renode-mnist   (a FOLDER of $fpath)
fish  renode-mnist completion fish > ~/.config/fish/completions/renode-mnist.fish
"""


@click.command(epilog=_PLACES)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script that completes commands, options and their values in a shell."""
    script = get_completion_class(shell)
    if script is None:
        raise EnvironmentProblem(f"click knows no completion for {shell}", "Install a newer click.")
    root = click.get_current_context().find_root().command
    click.echo(script(root, {}, _PROGRAM, _VARIABLE).source(), nl=False)
