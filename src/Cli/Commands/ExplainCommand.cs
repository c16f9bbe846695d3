using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using CCGate.Contracts;
using CCGate.Projections;
using CCGate.Projections.Explanation;

namespace CCGate.Cli.Commands;

/// <summary><c>ccgate billing explain</c>, also <c>ccgate requests show</c>: why a request cost what it cost.</summary>
internal sealed class ExplainCommand
{
    private readonly StoreOptions options;
    private readonly Argument<Guid> request = new("REQUEST_ID") { Description = "The request's id, as the export and the ledger have it." };
    private readonly Option<bool> json = new("--json") { Description = "Print JSON as GET /api/requests/{id} answers it." };

    private ExplainCommand(StoreOptions options) => this.options = options;

    public static Command Create(StoreOptions options, string name = "explain")
    {
        var explain = new ExplainCommand(options);
        var command = new Command(name, "Show how the amount of a request came about, to the last digit.")
        {
            explain.request, explain.json, options.Config, options.Data, options.Url,
        };
        command.SetAction((parsed, cancellationToken) => Exit.GuardAsync(parsed, () => explain.RunAsync(parsed, cancellationToken)));
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var id = parsed.GetValue(request);
        var explanation = parsed.GetValue(options.Url) is { } url
            ? await AskAsync(url, id, parsed, cancellationToken)
            : await ReadAsync(id, parsed, cancellationToken);
        await parsed.InvocationConfiguration.Output.WriteLineAsync(parsed.GetValue(json)
            ? JsonSerializer.Serialize(explanation, ProjectionsJson.Default.RequestExplanation)
            : string.Join('\n', ExplanationText.Lines(explanation)));
        return Exit.Ok;
    }

    private async Task<RequestExplanation> AskAsync(Uri url, Guid id, ParseResult parsed, CancellationToken cancellationToken)
    {
        var body = await RunningGateway.AskAsync(url, parsed.GetValue(options.Config)!, $"/api/requests/{id}", content: null, cancellationToken);
        return JsonSerializer.Deserialize(body, ProjectionsJson.Default.RequestExplanation)!;
    }

    private async Task<RequestExplanation> ReadAsync(Guid id, ParseResult parsed, CancellationToken cancellationToken)
    {
        await using var store = options.Open(parsed);
        return await new RequestExplainer(store.Events).ExplainAsync(id, cancellationToken)
            ?? throw new CommandFailedException($"There is no request {id} in the ledger.");
    }
}

/// <summary>The explanation as people read it, from the top: what happened, what each attempt costs and why, and what was changed since.</summary>
internal static class ExplanationText
{
    public static IEnumerable<string> Lines(RequestExplanation request) =>
    [
        $"Request {request.RequestId} of {request.Tenant}/{request.Key}{Optional(", session ", request.Session)}",
        $"  {request.Surface}, {request.RequestedModel}{(request.Streaming ? ", streaming" : "")}: {request.Outcome}{Optional(", imported from ", request.ImportedFrom)}",
        $"  admitted {Instant(request.AdmittedAt)}, completed {Instant(request.CompletedAt)}{Optional(" by ", request.ProxyInstance)}",
        $"  held {Usd(request.HeldUsd)} and {Number(request.HeldTokens)} tokens; still held {Usd(request.UnsettledUsd)} and {Number(request.UnsettledTokens)} tokens",
        .. request.Attempts.SelectMany(Lines),
        .. request.Adjustments.SelectMany(Lines),
        "",
        $"Charged {Usd(request.ChargedUsd)}, adjusted {Usd(request.AdjustedUsd)}, total {Usd(request.TotalUsd)}",
    ];

    private static IEnumerable<string> Lines(AttemptExplanation attempt) =>
    [
        "",
        $"Attempt {attempt.Number}: {attempt.Upstream}{Optional(" with the key …", attempt.UpstreamKeyHint)}, {attempt.ProviderModel}: "
            + $"{attempt.StatusCode?.ToString(CultureInfo.InvariantCulture) ?? "no status"}{Optional(", ", attempt.Failure)}{Optional("; asked because: ", attempt.Reason)}",
        $"  usage {attempt.UsageState}: {Number(attempt.Usage.TotalTokens)} tokens{Optional(", speed ", attempt.Usage.Speed)}"
            + $"{Optional(", tier ", attempt.Usage.ServiceTier)}{Optional(", region ", attempt.Usage.InferenceGeo)}",
        .. attempt.Price is { } price ? Lines(price, attempt.PriceVersion) : [],
        .. attempt.Note is { } note ? [$"  {note}"] : (string[])[],
        $"  amount {Usd(attempt.SpendUsd)}",
    ];

    private static IEnumerable<string> Lines(PriceExplanation price, string? version) =>
    [
        $"  price book {version}, entry {price.Model}{(price.EffectiveFrom == DateOnly.MinValue ? "" : $" from {price.EffectiveFrom:yyyy-MM-dd}")}, {Rates(price)}",
        .. price.Tokens.Where(line => line.Count != 0).Select(Line),
        $"    tokens × {Amount(price.GeoMultiplier)} (region) × {Amount(price.ServiceTierMultiplier)} (tier)",
        .. price.Calls.Where(line => line.Count != 0).Select(Line),
        $"    all × {Amount(price.CostMultiplier)} (upstream) = {Amount(price.ExactUsd)}, in whole picodollars {Amount(price.SpendUsd)}",
    ];

    private static string Rates(PriceExplanation price) => price switch
    {
        { Speed: { } speed } => $"rates of the speed {speed}",
        { AboveInputTokens: { } tokens } => $"rates of prompts above {Number(tokens)} tokens",
        _ => "usual rates",
    };

    private static string Line(PriceLine line) => $"    {line.Class,-12} {Number(line.Count),14} × {Amount(line.RateUsd)} / {Number(line.Per)} = {Amount(line.AmountUsd)}";

    private static IEnumerable<string> Lines(AdjustmentExplanation adjusted) =>
    [
        "",
        $"Adjustment {adjusted.Ordinal}: {adjusted.Kind} by {adjusted.By} at {Instant(adjusted.AdjustedAt)}: {adjusted.Reason}",
        .. adjusted.Lines.Select(line => $"  {(line.Attempt == 0 ? "request" : $"attempt {line.Attempt}")}: {Usd(line.SpendUsd)}"
            + $"{(line.Usage is null ? "" : $" and {Number(line.Usage.TotalTokens)} tokens")}{Optional(" at price book ", line.PriceVersion)}"),
        .. adjusted.ReleasedUsd == 0 && adjusted.ReleasedTokens == 0
            ? (string[])[] : [$"  held no longer: {Usd(adjusted.ReleasedUsd)} and {Number(adjusted.ReleasedTokens)} tokens"],
        $"  amount {Usd(adjusted.SpendUsd)}",
    ];

    private static string Optional(string before, string? value) => string.IsNullOrEmpty(value) ? "" : before + value;

    private static string Instant(DateTimeOffset instant) => instant.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    private static string Number(long number) => number.ToString("N0", CultureInfo.InvariantCulture);

    private static string Amount(decimal amount) => amount.ToString("0.############################", CultureInfo.InvariantCulture);

    private static string Usd(decimal amount) => Amount(amount) + " USD";
}
