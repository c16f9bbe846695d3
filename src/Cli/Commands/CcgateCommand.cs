using System.CommandLine;
using CCGate.Hosting.Configuration;

namespace CCGate.Cli.Commands;

/// <summary><c>ccgate</c> itself: every command there is.</summary>
internal static class CcgateCommand
{
    public static RootCommand Create()
    {
        var options = new StoreOptions(directory => ConfigCommand.Load(new ConfigDirectory(directory), TextWriter.Null));
        return new RootCommand("CCGate: the AI gateway whose bill is provably right.")
        {
            HostCommands.Run(options), HostCommands.Proxy(options), HostCommands.Metering(options), HostCommands.Projections(options),
            ConfigCommand.Create(options), HealthCommand.Create(options), UsageCommand.Create(options), BillingCommand.Create(options),
        };
    }

    /// <summary>System.CommandLine exits with 1 on a usage error; here that is 2, so that scripts can tell it from a command that failed.</summary>
    public static async Task<int> RunAsync(string[] args)
    {
        var parsed = Create().Parse(args);
        var exit = await parsed.InvokeAsync();
        return parsed.Errors.Count > 0 && parsed.Action is System.CommandLine.Invocation.ParseErrorAction ? Exit.Usage : exit;
    }
}
