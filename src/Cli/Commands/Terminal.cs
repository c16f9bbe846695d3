using Spectre.Console;

namespace CCGate.Cli.Commands;

/// <summary>Formatted output that stays plain and whole when it goes into a file or a pipe.</summary>
internal static class Terminal
{
    /// <summary>Wide enough for every table: a program that reads the output must not meet a wrapped line.</summary>
    private const int RedirectedWidth = 240;

    public static bool IsInteractive(TextWriter output) => ReferenceEquals(output, Console.Out) && !Console.IsOutputRedirected;

    public static IAnsiConsole On(TextWriter output)
    {
        if (IsInteractive(output))
        {
            return AnsiConsole.Console;
        }

        var console = AnsiConsole.Create(new AnsiConsoleSettings { Ansi = AnsiSupport.No, Out = new AnsiConsoleOutput(output) });
        console.Profile.Width = RedirectedWidth;
        return console;
    }
}
