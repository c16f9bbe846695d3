using System.CommandLine;

namespace CCGate.Cli.Commands;

/// <summary><c>ccgate completion</c>: prints what makes a shell complete commands and options. The program itself is asked each time, so nothing can be out of date.</summary>
internal static class CompletionCommand
{
    // The directive [suggest:POSITION] of System.CommandLine answers the words that fit at that position, one a line.
    private const string Bash = """
        _ccgate() {
          local line="${COMP_LINE:0:COMP_POINT}"
          line="${line#"${COMP_WORDS[0]}"}"; line="${line# }"
          local IFS=$'\n'
          COMPREPLY=($(compgen -W "$("${COMP_WORDS[0]}" "[suggest:${#line}]" "$line" 2>/dev/null)" -- "${COMP_WORDS[COMP_CWORD]}"))
        }
        complete -o default -F _ccgate ccgate
        """;

    private const string Zsh = """
        #compdef ccgate
        _ccgate() {
          local line="${(j: :)words[2,CURRENT]}"
          local -a found
          found=("${(@f)$("${words[1]}" "[suggest:${#line}]" "$line" 2>/dev/null)}")
          (( ${#found} )) && compadd -a found || _files
        }
        compdef _ccgate ccgate
        """;

    private const string Fish = """
        function __ccgate_complete
            set -l words (commandline -opc) (commandline -ct)
            set -l line (string join ' ' -- $words[2..-1])
            $words[1] "[suggest:"(string length -- "$line")"]" "$line" 2>/dev/null
        end
        complete -c ccgate -a '(__ccgate_complete)'
        """;

    public static Command Create()
    {
        var shell = new Argument<string>("SHELL") { Description = "bash, zsh or fish." };
        shell.AcceptOnlyFromAmong("bash", "zsh", "fish");
        var command = new Command("completion", "Print a script that completes ccgate's commands and options; for bash: source <(ccgate completion bash)") { shell };
        command.SetAction(parsed => parsed.InvocationConfiguration.Output.WriteLine(parsed.GetValue(shell) switch { "zsh" => Zsh, "fish" => Fish, _ => Bash }));
        return command;
    }
}
