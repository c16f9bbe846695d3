using System.CommandLine;
using CCGate.Cli.Hosts;
using CCGate.Hosting.Configuration;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace CCGate.Cli.Commands;

/// <summary>The commands that start a process: <c>run</c>, and the roles <c>proxy</c>, <c>metering</c> and <c>projections</c>.</summary>
internal static class HostCommands
{
    private static readonly Option<string?> Urls = new("--urls") { Description = "Where to listen, such as http://127.0.0.1:3000; replaces server.host and server.port." };

    public static Command Run(StoreOptions options) =>
        Create(options, "run", "Everything in one process: no broker, no database server. Without a configuration directory: what PROXY_ACCESS_KEY and the providers' keys in the environment say, else a demo.", GatewayHosts.Run, port: 3000);

    public static Command Proxy(StoreOptions options) =>
        Create(options, "proxy", "The gateway alone; needs 'broker' and 'eventStore' in server.json.", GatewayHosts.Proxy, port: 3000, "eventStore", "broker");

    public static Command Metering(StoreOptions options) =>
        Create(options, "metering", "Takes events from the queue into the event store.", GatewayHosts.Metering, port: 3002, "eventStore", "broker");

    public static Command Projections(StoreOptions options) =>
        Create(options, "projections", "Builds the read models and serves /api.", GatewayHosts.Projections, port: 3001, "eventStore");

    private static Command Create(StoreOptions options, string name, string description, Func<HostStart, WebApplication> build, int port, params string[] needs)
    {
        var command = new Command(name, description) { options.Config, options.Data, Urls };
        command.SetAction((parsed, cancellationToken) => Exit.GuardAsync(parsed, () => RunAsync(parsed, options, build, name, port, needs, cancellationToken)));
        return command;
    }

    private static async Task<int> RunAsync(
        ParseResult parsed, StoreOptions options, Func<HostStart, WebApplication> build, string role, int port, string[] needs, CancellationToken cancellationToken)
    {
        var output = parsed.InvocationConfiguration.Output;
        var data = parsed.GetValue(options.Data)!;
        var directory = new ConfigDirectory(parsed.GetValue(options.Config)!);
        var (config, welcome) = Choose(role, directory, data, parsed.InvocationConfiguration.Error);
        foreach (var missing in needs.Where(need => need == "broker" ? config.Broker is null : config.EventStore is null))
        {
            throw new CommandFailedException($"'{missing}' is missing in {Path.Combine(directory.Path, "server.json")}: 'ccgate {role}' needs it, 'ccgate run' does not.");
        }

        // Where it listens is said in server.json for what clients call, and in 'projections' for that role.
        var address = role switch
        {
            "projections" when config.Projections is { } own => own.GetLeftPart(UriPartial.Authority),
            "run" or "proxy" => new UriBuilder("http", config.Server.Host, config.Server.Port).Uri.GetLeftPart(UriPartial.Authority),
            _ => $"http://127.0.0.1:{port}",
        };
        await using var app = build(new HostStart(config, directory.Exists ? directory : null, data, parsed.GetValue(Urls) ?? address));
        try
        {
            await app.StartAsync(cancellationToken);
        }
        catch (Exception failure) when (failure is IOException or InvalidOperationException)
        {
            throw new CommandFailedException($"ccgate {role} cannot start: {failure.Message}");
        }

        var url = app.Urls.First();
        await output.WriteLineAsync($"CCGate listens on {url}");
        foreach (var line in welcome(url))
        {
            await output.WriteLineAsync(line);
        }

        await output.FlushAsync(cancellationToken);
        var stopping = app.Services.GetRequiredService<IHostApplicationLifetime>();
        await using var stop = cancellationToken.Register(stopping.StopApplication);
        await app.WaitForShutdownAsync(CancellationToken.None);
        return Exit.Ok;
    }

    /// <summary>The configuration directory, else what the environment says, else the demo; and what is said about it once the gateway listens.</summary>
    private static (GatewayConfig Config, Func<string, IEnumerable<string>> Welcome) Choose(string role, ConfigDirectory directory, DirectoryInfo data, TextWriter error)
    {
        if (directory.Exists || role != "run")
        {
            return (ConfigCommand.Load(directory, error), _ => []);
        }

        if (EnvironmentConfig.From(Environment.GetEnvironmentVariable) is { } own)
        {
            return (own.Config, own.Welcome);
        }

        var demo = Demo.In(data);
        return (demo.Config, url => demo.Welcome(url, directory.Path));
    }
}
