using System.CommandLine;
using System.Data.Common;
using CCGate.Projections.Adjustments;
using CCGate.Projections.Engine;

namespace CCGate.Cli.Commands;

/// <summary>The exit codes of every command, and how its failures reach the terminal.</summary>
internal static class Exit
{
    public const int Ok = 0;
    public const int Failed = 1;
    public const int Usage = 2;

    /// <summary>Turns what a person can change into one line on standard error; anything else is a bug and keeps its stack.</summary>
    public static async Task<int> GuardAsync(ParseResult parsed, Func<Task<int>> run)
    {
        try
        {
            return await run();
        }
        catch (Exception failure) when (Explain(failure) is { } explanation)
        {
            await parsed.InvocationConfiguration.Error.WriteLineAsync(explanation);
            return Failed;
        }
    }

    private static string? Explain(Exception failure) => failure switch
    {
        CommandFailedException or UnreadableEventException or AdjustmentRefusedException => failure.Message,
        Npgsql.NpgsqlException => $"The event store cannot be used: {failure.Message} Check 'eventStore' in server.json.",
        DbException => $"The event store cannot be used: {failure.Message} Check --data.",
        HttpRequestException => $"The gateway cannot be asked: {failure.Message} Check --url, and that it runs.",
        _ => null,
    };
}
