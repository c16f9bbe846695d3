using System.CommandLine;
using CCGate.Cli.Commands;
using CCGate.Hosting.Configuration;

var options = new StoreOptions(directory => ConfigCommand.Load(new ConfigDirectory(directory), TextWriter.Null));
var root = new RootCommand("CCGate: the AI gateway whose bill is provably right.")
{
    HostCommands.Run(options), HostCommands.Proxy(options), HostCommands.Metering(options), HostCommands.Projections(options),
    ConfigCommand.Create(options), HealthCommand.Create(options), UsageCommand.Create(options), BillingCommand.Create(options),
};
var parsed = root.Parse(args);
return parsed.Errors.Count > 0 && parsed.Action is System.CommandLine.Invocation.ParseErrorAction ? ReportUsage(parsed) : await parsed.InvokeAsync();

// System.CommandLine exits with 1 on a usage error; here that is 2, so that scripts can tell it from a command that failed.
static int ReportUsage(ParseResult parsed)
{
    parsed.Invoke();
    return Exit.Usage;
}
