using System.CommandLine;

namespace CCGate.Cli.Commands;

/// <summary><c>ccgate health</c>: prints the health document of a running gateway.</summary>
internal static class HealthCommand
{
    public static Command Create(StoreOptions options)
    {
        var command = new Command("health", "Print the health document of a running gateway; exit 0 when it is fit for work, 1 when not.");
        command.Options.Add(options.Url);
        command.Options.Add(options.Config);
        command.SetAction((parsed, cancellationToken) => Exit.GuardAsync(parsed, () => RunAsync(parsed, options, cancellationToken)));
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, StoreOptions options, CancellationToken cancellationToken)
    {
        var server = options.ReadConfig(parsed).Server;
        var url = parsed.GetValue(options.Url) ?? new UriBuilder("http", server.Host, server.Port).Uri;
        using var client = new HttpClient { Timeout = TimeSpan.FromSeconds(30) };
        using var response = await client.GetAsync(new Uri(url, "/health"), cancellationToken);
        await parsed.InvocationConfiguration.Output.WriteLineAsync(await response.Content.ReadAsStringAsync(cancellationToken));
        return response.IsSuccessStatusCode ? Exit.Ok : Exit.Failed;
    }
}
