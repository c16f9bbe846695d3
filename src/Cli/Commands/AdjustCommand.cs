using System.CommandLine;
using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using CCGate.Projections;
using CCGate.Projections.Adjustments;
using CCGate.Projections.Unsettled;
using Spectre.Console;

namespace CCGate.Cli.Commands;

/// <summary><c>ccgate billing unknown</c>, <c>settle</c> and <c>correct</c>: what nobody said the price of, and putting a charge right.</summary>
internal sealed class AdjustCommand
{
    private readonly StoreOptions options;
    private readonly Argument<Guid> request = new("request") { Description = "The request's id: the header x-ccgate-request-id of its answer." };
    private readonly Option<string> reason = new("--reason") { Description = "Why, in words, for whoever reads the bill.", Required = true };
    private readonly Option<bool> json = new("--json") { Description = "Print JSON as the API answers it." };
    private readonly Option<string?> tenant = new("--tenant") { Description = "Only this tenant." };
    private readonly Option<bool> all = new("--all") { Description = "Those that were settled too." };
    private readonly Option<decimal?> usd = new("--usd") { Description = "What the request owes." };
    private readonly Option<decimal> delta = new("--usd") { Description = "What is added to the charge; below zero, what is given back.", Required = true };
    private readonly Option<bool> zero = new("--zero") { Description = "The request owes nothing." };
    private readonly Option<long?> input = new("--input") { Description = "Input tokens, neither read from nor written to a cache." };
    private readonly Option<long?> output = new("--output") { Description = "Output tokens." };
    private readonly Option<long> cacheRead = new("--cache-read") { Description = "Tokens read from the cache." };
    private readonly Option<long> cacheWrite5m = new("--cache-write-5m") { Description = "Tokens written to the cache for five minutes." };
    private readonly Option<long> cacheWrite1h = new("--cache-write-1h") { Description = "Tokens written to the cache for an hour." };

    private AdjustCommand(StoreOptions options) => this.options = options;

    public static IEnumerable<Command> Create(StoreOptions options)
    {
        var adjust = new AdjustCommand(options);
        return [adjust.Unknown(), adjust.Settle(), adjust.Correct()];
    }

    private Command Unknown()
    {
        var command = new Command("unknown", "List the requests of which nobody said what they cost, and what they hold.")
        {
            tenant, all, json, options.Config, options.Data, options.Url,
        };
        command.SetAction((parsed, cancellationToken) => Exit.GuardAsync(parsed, () => ListAsync(parsed, cancellationToken)));
        return command;
    }

    private Command Settle()
    {
        var command = new Command("settle", "Say what such a request owes, in USD or in tokens, and give its hold back.")
        {
            request, usd, zero, input, output, cacheRead, cacheWrite5m, cacheWrite1h, reason, json, options.Config, options.Data, options.Url,
        };
        command.Validators.Add(result =>
        {
            var inTokens = result.GetResult(input) is not null && result.GetResult(output) is not null;
            var ways = (result.GetResult(usd) is not null ? 1 : 0) + (result.GetValue(zero) ? 1 : 0) + (inTokens ? 1 : 0);
            if (ways != 1)
            {
                result.AddError("Say what the request owes: --usd N, or --input N with --output N, or --zero.");
            }
        });
        command.SetAction((parsed, cancellationToken) => Exit.GuardAsync(parsed, () => AdjustAsync(Settlement(parsed), parsed, cancellationToken)));
        return command;
    }

    private Command Correct()
    {
        var command = new Command("correct", "Add an amount to a request's charge, or take one from it.")
        {
            request, delta, reason, json, options.Config, options.Data, options.Url,
        };
        command.SetAction((parsed, cancellationToken) => Exit.GuardAsync(parsed, () => AdjustAsync(
            new AdjustmentRequest { RequestId = parsed.GetValue(request), Kind = "correction", Usd = parsed.GetValue(delta), Reason = parsed.GetValue(reason)! },
            parsed,
            cancellationToken)));
        return command;
    }

    private AdjustmentRequest Settlement(ParseResult parsed) => new()
    {
        RequestId = parsed.GetValue(request),
        Kind = "settlement",
        Usd = parsed.GetValue(zero) ? 0m : parsed.GetValue(usd),
        Tokens = parsed.GetValue(input) is { } read && parsed.GetValue(output) is { } written
            ? new AdjustmentTokens(read, written, parsed.GetValue(cacheRead), parsed.GetValue(cacheWrite5m), parsed.GetValue(cacheWrite1h))
            : null,
        Reason = parsed.GetValue(reason)!,
    };

    private async Task<int> ListAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        UnsettledReport report;
        if (parsed.GetValue(options.Url) is { } url)
        {
            var query = new Uri(url, $"/api/billing/unknown?tenant={Uri.EscapeDataString(parsed.GetValue(tenant) ?? "")}&all={(parsed.GetValue(all) ? "true" : "false")}");
            using var message = new HttpRequestMessage(HttpMethod.Get, query);
            report = await AskAsync(message, url, ProjectionsJson.Default.UnsettledReport, parsed, cancellationToken);
        }
        else
        {
            await using var store = options.Open(parsed);
            await store.CatchUpAsync(cancellationToken);
            await store.RequireTenantAsync(parsed.GetValue(tenant), cancellationToken);
            report = await new UnsettledReader(store.Database).ReadAsync(parsed.GetValue(tenant), parsed.GetValue(all), cancellationToken);
        }

        var output = parsed.InvocationConfiguration.Output;
        if (parsed.GetValue(json))
        {
            await output.WriteLineAsync(JsonSerializer.Serialize(report, ProjectionsJson.Default.UnsettledReport));
        }
        else
        {
            Terminal.On(output).Write(TableOf(report));
            await output.WriteLineAsync(string.Create(
                CultureInfo.InvariantCulture, $"{report.Count} requests hold {report.HeldUsd} USD{(report.Count > report.Items.Count ? $"; the {report.Items.Count} oldest are shown" : "")}."));
        }

        return Exit.Ok;
    }

    private async Task<int> AdjustAsync(AdjustmentRequest asked, ParseResult parsed, CancellationToken cancellationToken)
    {
        AdjustmentAnswer answer;
        if (parsed.GetValue(options.Url) is { } url)
        {
            using var message = new HttpRequestMessage(HttpMethod.Post, new Uri(url, "/api/billing/adjustments"))
            {
                Content = JsonContent.Create(asked, ProjectionsJson.Default.AdjustmentRequest),
            };
            answer = await AskAsync(message, url, ProjectionsJson.Default.AdjustmentAnswer, parsed, cancellationToken);
        }
        else
        {
            await using var store = options.Open(parsed);
            answer = await new SpendAdjuster(store.Events, TimeProvider.System).AdjustAsync(asked, Environment.UserName, cancellationToken);
            await store.CatchUpAsync(cancellationToken);
        }

        var (output, error) = (parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error);
        if (answer.Warning is { } warning)
        {
            await error.WriteLineAsync("Warning: " + warning);
        }

        await output.WriteLineAsync(parsed.GetValue(json)
            ? JsonSerializer.Serialize(answer, ProjectionsJson.Default.AdjustmentAnswer)
            : string.Create(
                CultureInfo.InvariantCulture,
                $"Adjustment {answer.Ordinal} of request {answer.RequestId}: {answer.SpendUsd} USD, so that it costs {answer.TotalUsd} USD; {answer.ReleasedUsd} USD are held no longer."));
        return Exit.Ok;
    }

    private async Task<T> AskAsync<T>(HttpRequestMessage message, Uri url, JsonTypeInfo<T> type, ParseResult parsed, CancellationToken cancellationToken)
    {
        using var client = new HttpClient { Timeout = TimeSpan.FromSeconds(100) };
        message.Headers.Authorization = OperatorCredentials.Find(url, parsed.GetValue(options.Config)!);
        using var response = await client.SendAsync(message, cancellationToken);
        var body = await response.Content.ReadAsStringAsync(cancellationToken);
        return response.IsSuccessStatusCode
            ? JsonSerializer.Deserialize(body, type)!
            : throw new CommandFailedException($"The gateway answered {(int)response.StatusCode}: {body}");
    }

    private static Table TableOf(UnsettledReport report)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("request", "tenant", "key", "admitted (UTC)", "upstream", "model", "why");
        table.AddColumn(new TableColumn("held USD").RightAligned()).AddColumn("settled (UTC)");
        foreach (var item in report.Items)
        {
            table.AddRow(
                new Text(item.RequestId.ToString()),
                new Text(item.Tenant),
                new Text(item.Key),
                new Text(Written(item.AdmittedAt)),
                new Text(item.Upstream),
                new Text(item.Model),
                new Text(item.Why),
                new Text(item.HeldUsd.ToString("0.00##########", CultureInfo.InvariantCulture)),
                new Text(item.SettledAt is { } settledAt ? Written(settledAt) : ""));
        }

        return table;
    }

    private static string Written(DateTimeOffset instant) => instant.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);
}
