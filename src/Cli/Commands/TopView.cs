using System.Text.Json;
using System.Text.Json.Nodes;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace CCGate.Cli.Commands;

/// <summary>What <c>ccgate top</c> shows. What the gateway does not say is left out.</summary>
internal static class TopView
{
    private static readonly ApiColumn[] Upstreams =
    [
        ApiColumn.Text("id", "upstream"), ApiColumn.Text("kind"), ApiColumn.Text("health.state", "health"), ApiColumn.Text("circuit.state", "circuit"), ApiColumn.Number("inFlight", "in flight"),
        ApiColumn.Number("waiting"), ApiColumn.Number("latencyMs", "first byte ms"), ApiColumn.Usd("spendTodayUsd", "USD today"),
    ];

    private static readonly ApiColumn[] Tenants =
    [
        ApiColumn.Text("name", "tenant"), ApiColumn.Number("requests"), ApiColumn.Number("tokens"), ApiColumn.Share("share"), ApiColumn.Usd("spendUsd"),
    ];

    private static readonly ApiColumn[] Requests = [.. RequestsCommand.Columns.Where(column => column.Header is not ("id" or "key"))];

    public static IRenderable Of(JsonObject read, string? trouble)
    {
        var answers = JsonElement.Parse(read.ToJsonString());
        List<IRenderable> rows =
        [
            new Text(Headline(ApiColumn.Find(answers, "overview") ?? answers)),
            ApiColumn.Table(Upstreams, ApiColumn.Items(answers.GetProperty("upstreams"), "upstreams")),
            ApiColumn.Table(Tenants, ApiColumn.Items(answers.GetProperty("leaderboard"))),
            ApiColumn.Table(Requests, ApiColumn.Items(answers.GetProperty("requests"))),
        ];
        if (trouble is not null)
        {
            rows.Insert(0, new Text($"Not up to date: {trouble}", new Style(Color.Red)));
        }

        return new Rows(rows);
    }

    private static string Headline(JsonElement overview)
    {
        (string Path, string Format, string After)[] numbers =
        [
            ("requestsPerSecond", "0.0", "requests/s"), ("inFlight", "0", "in flight"), ("requestsToday", "#,0", "requests today"), ("errorsToday", "#,0", "errors"),
            ("errorShare", "0.0 %", "failed"), ("spendTodayUsd", "#,0.00##", "USD today"), ("latencyMs.p50", "0", "ms p50"), ("latencyMs.p95", "0", "ms p95"),
            ("firstByteMs.p50", "0", "ms first byte p50"), ("cacheHitShare", "0.0 %", "from caches"), ("openHolds.usd", "#,0.00##", "USD held"),
            ("projectionLag.seconds", "0", "s behind"), ("journal.depth", "#,0", "in the journal"),
        ];
        var known = numbers.Select(number => (Text: ApiColumn.Formatted(overview, number.Path, number.Format), number.After)).Where(number => number.Text.Length > 0);
        return string.Join("   ", known.Select(number => $"{number.Text} {number.After}"));
    }
}
