"""`completion SHELL`: prints the script that makes a shell complete the words of this program."""

from __future__ import annotations

import click

from experimentstash.core.errors import FINE

_SCRIPTS = {
    # bash 3.2, which macOS has, knows no compopt
    "bash": """\
_experimentstash_complete() {
    local IFS=$'\\n' line="${COMP_LINE:0:COMP_POINT}"
    COMPREPLY=($(_EXPERIMENTSTASH_COMPLETE=bash COMP_LINE="$line" COMP_WORDBREAKS="$COMP_WORDBREAKS" "$1" 2>/dev/null))
    [[ ${COMPREPLY-} != *= ]] || compopt -o nospace 2>/dev/null
}
complete -o default -F _experimentstash_complete experimentstash estash
""",
    "zsh": """\
#compdef experimentstash estash
_experimentstash_complete() {
    local -a found keys
    local line="${(pj:\\n:)words[1,CURRENT]}"
    found=("${(@f)$(_EXPERIMENTSTASH_COMPLETE=zsh COMP_WORDS="$line" "${words[1]}" 2>/dev/null)}")
    found=(${found:#})
    keys=(${(M)found:#*=})
    found=(${found:#*=})
    (( ! $#keys )) || compadd -S '' -a keys
    (( ! $#found )) || compadd -a found
    (( $#keys + $#found )) || _files
}
compdef _experimentstash_complete experimentstash estash
""",
    "fish": """\
function __experimentstash_complete
    set -l words (commandline -opc) (commandline -ct)
    _EXPERIMENTSTASH_COMPLETE=fish COMP_WORDS=(string join \\n -- $words | string collect) $words[1] 2>/dev/null
end
complete --command experimentstash --arguments '(__experimentstash_complete)'
complete --command estash --arguments '(__experimentstash_complete)'
""",
}


@click.command("completion")
@click.argument("shell", type=click.Choice(list(_SCRIPTS)))
def command(shell: str) -> int:
    """Print the script that makes SHELL complete commands, tools, experiments, tags and keys of overrides.

    \b
    bash: eval "$(experimentstash completion bash)"    in ~/.bashrc
    zsh:  eval "$(experimentstash completion zsh)"     in ~/.zshrc, after compinit
    fish: experimentstash completion fish | source     in ~/.config/fish/config.fish

    Example: experimentstash completion bash
    """  # noqa: D301  (click's \b keeps the list)
    click.echo(_SCRIPTS[shell], nl=False)
    return FINE
