using System.CommandLine;
using CCGate.Hosting.Configuration;

namespace CCGate.Cli.Commands;

/// <summary><c>ccgate config validate</c>: every error of the configuration directory, not only the first.</summary>
internal static class ConfigCommand
{
    public static Command Create(StoreOptions options)
    {
        var validate = new Command("validate", "Check the configuration directory; exit 1 when anything in it is wrong.") { options.Config };
        validate.SetAction(parsed =>
        {
            var directory = new ConfigDirectory(parsed.GetValue(options.Config)!);
            var reading = directory.Read();
            var output = parsed.InvocationConfiguration.Output;
            foreach (var problem in reading.Problems)
            {
                output.WriteLine(problem);
            }

            if (reading.Config is not { } config)
            {
                var errors = reading.Errors.Count();
                parsed.InvocationConfiguration.Error.WriteLine($"{errors} {(errors == 1 ? "error" : "errors")} in {directory.Path}");
                return Exit.Failed;
            }

            output.WriteLine($"{directory.Path} is right: {config.Tenants.Length} tenants, {config.Upstreams.Length} upstreams, prices {config.Prices.Version}");
            return Exit.Ok;
        });
        return new Command("config", "Look at the configuration.") { validate };
    }

    /// <summary>Reads the directory for a process that cannot go on without it; says everything that is wrong.</summary>
    public static GatewayConfig Load(ConfigDirectory directory, TextWriter error)
    {
        var reading = directory.Read();
        foreach (var problem in reading.Problems)
        {
            error.WriteLine(problem);
        }

        return reading.Config ?? throw new CommandFailedException($"The configuration in {directory.Path} is wrong; nothing was started.");
    }
}
