using System.CommandLine;
using System.CommandLine.Invocation;
using CCGate.Hosting.Configuration;

namespace CCGate.Cli.Commands;

/// <summary>Every command there is, and how one is run.</summary>
internal static class CommandLine
{
    public static RootCommand Create()
    {
        var options = new StoreOptions(directory => ConfigCommand.Load(new ConfigDirectory(directory), TextWriter.Null));
        var root = new RootCommand("CCGate: the AI gateway whose bill is provably right.")
        {
            InitCommand.Create(options), HostCommands.Run(options), HostCommands.Proxy(options), HostCommands.Metering(options), HostCommands.Projections(options),
            ConfigCommand.Create(options), HealthCommand.Create(options), UsageCommand.Create(options), BillingCommand.Create(options),
            ImportCommand.Create(options), PricesCommand.Create(options), QuotasCommand.Create(options), BudgetCommand.Create(options), UpstreamsCommand.Create(options),
            RequestsCommand.Create(options), RequestsCommand.Sessions(options), RequestsCommand.Leaderboard(options), RequestsCommand.Audit(options),
            TenantsCommand.Create(options), KeysCommand.Create(options), TokensCommand.Create(options), TopCommand.Create(options),
            ExportConfigCommand.Create(options), ExportConfigCommand.Notifications(options), CompletionCommand.Create(), BackupCommand.Create(),
        };
        foreach (var verb in SwitchCommand.Create(options))
        {
            root.Subcommands.Add(verb);
        }

        return root;
    }

    public static async Task<int> RunAsync(string[] args)
    {
        // Left alone, System.CommandLine ends the process two seconds after SIGTERM, in the middle of whatever streams. The host bounds its own stop.
        var invocation = new InvocationConfiguration { ProcessTerminationTimeout = Timeout.InfiniteTimeSpan };
        var parsed = Create().Parse(args);
        var code = await parsed.InvokeAsync(invocation);

        // It exits with 1 on a usage error; here that is 2, so that scripts can tell it from a command that failed.
        return parsed.Errors.Count > 0 && parsed.Action is ParseErrorAction ? Exit.Usage : code;
    }
}
