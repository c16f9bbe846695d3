using System.CommandLine;

namespace CCGate.Tests.Integration.Projections;

/// <summary>What a command left behind.</summary>
internal sealed record CommandRun(int Exit, string Output, string Error)
{
    /// <summary>Runs it as the program does, with its output kept apart.</summary>
    public static async Task<CommandRun> OfAsync(Command command, params string[] arguments)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var parsed = new RootCommand { command }.Parse(arguments);
        var exit = await parsed.InvokeAsync(new InvocationConfiguration { Output = output, Error = error });
        return new CommandRun(parsed.Errors.Count > 0 ? 2 : exit, output.ToString(), error.ToString());
    }
}
