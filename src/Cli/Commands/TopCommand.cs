using System.CommandLine;
using System.Text.Json.Nodes;
using Spectre.Console;

namespace CCGate.Cli.Commands;

/// <summary><c>ccgate top</c>: a running gateway as it is this second.</summary>
internal sealed class TopCommand(StoreOptions options)
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    private static readonly (string Name, string Path)[] Views =
    [
        ("overview", "/api/overview"), ("upstreams", "/api/upstreams"), ("leaderboard", "/api/leaderboard?by=tenant&order=spend&limit=5"), ("requests", "/api/requests?limit=10"),
    ];

    private readonly Option<bool> once = new("--once") { Description = "Show it once, and end." };
    private readonly Option<bool> json = new("--json") { Description = "Print JSON: the answers of the API, by name. It implies --once." };

    public static Command Create(StoreOptions options)
    {
        var top = new TopCommand(options);
        var command = new Command("top", "Watch a running gateway: its rate, spend, errors, latency, upstreams, tenants and last requests. Ctrl+C ends it.")
        {
            top.once, top.json, options.Config, options.Data, options.Url,
        };
        command.SetAction((parsed, cancellationToken) => Exit.GuardAsync(parsed, () => top.RunAsync(parsed, cancellationToken)));
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        await using var api = OperatorApi.OfRunning(parsed, options);
        var output = parsed.InvocationConfiguration.Output;
        if (parsed.GetValue(json))
        {
            await output.WriteLineAsync((await ReadAsync(api, cancellationToken)).ToJsonString());
        }
        else if (parsed.GetValue(once) || !Terminal.IsInteractive(output))
        {
            Terminal.On(output).Write(TopView.Of(await ReadAsync(api, cancellationToken), trouble: null));
        }
        else
        {
            await WatchAsync(Terminal.On(output), api, cancellationToken);
        }

        return Exit.Ok;
    }

    private static async Task WatchAsync(IAnsiConsole console, OperatorApi api, CancellationToken cancellationToken)
    {
        var last = await ReadAsync(api, cancellationToken); // Before the screen is taken: what is wrong from the start is an error.
        await console.Live(TopView.Of(last, trouble: null)).AutoClear(true).Overflow(VerticalOverflow.Crop).StartAsync(async live =>
        {
            using var timer = new PeriodicTimer(Period, TimeProvider.System);
            try
            {
                while (await timer.WaitForNextTickAsync(cancellationToken))
                {
                    string? trouble = null;
                    try
                    {
                        last = await ReadAsync(api, cancellationToken);
                    }
                    catch (Exception error) when (error is HttpRequestException or CommandFailedException or TaskCanceledException && !cancellationToken.IsCancellationRequested)
                    {
                        trouble = error.Message; // It may be restarting: what was last known stays, and the next second asks again.
                    }

                    live.UpdateTarget(TopView.Of(last, trouble));
                }
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                // Ctrl+C. Live gives the terminal back as it was.
            }
        });
    }

    private static async Task<JsonObject> ReadAsync(OperatorApi api, CancellationToken cancellationToken)
    {
        var read = new JsonObject();
        foreach (var (name, path) in Views)
        {
            read[name] = JsonNode.Parse((await api.GetAsync(path, cancellationToken)).GetRawText());
        }

        return read;
    }
}
