using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json;
using CCGate.Contracts;
using CCGate.Hosting.Configuration;
using CCGate.Metering;
using CCGate.Projections;
using CCGate.Projections.Engine;
using CCGate.Projections.Prices;
using Spectre.Console;

namespace CCGate.Cli.Commands;

/// <summary><c>ccgate prices list</c>, <c>set</c> and <c>remove</c>: the prices in force, and changing them while the gateway runs.</summary>
internal sealed class PricesCommand
{
    /// <summary>Every class is named by its option: a rate that is left out would have to be invented.</summary>
    private static readonly (string Option, string Description)[] Classes =
    [
        ("--input", "Input tokens that are not cached."), ("--output", "Output tokens, thinking included."), ("--cache-read", "Tokens read from a cache."),
        ("--cache-write-5m", "Tokens written to a cache for five minutes."), ("--cache-write-1h", "Tokens written to a cache for an hour."),
    ];

    private readonly StoreOptions options;
    private readonly PriceStore store;
    private readonly Option<bool> json = new("--json") { Description = "Print JSON as /api/prices answers it." };
    private readonly Argument<string> model = new("MODEL") { Description = "A model's name, or a pattern in which * stands for anything." };
    private readonly Option<string?> reason = new("--reason") { Description = "Why; kept in the event." };

    private PricesCommand(StoreOptions options)
    {
        this.options = options;
        store = new PriceStore(options);
    }

    public static Command Create(StoreOptions options)
    {
        var prices = new PricesCommand(options);
        return new Command("prices", "Show the prices in force, and change them while the gateway runs.")
        {
            prices.List(), prices.Set(), prices.Remove(), PricesImportCommand.Create(options),
        };
    }

    private Command List()
    {
        var pattern = new Option<string?>("--model") { Description = "The price of this model, or with * the entries of such names." };
        var at = new Option<string?>("--at") { Description = "As of this UTC date; without it today's prices and those that come later." };
        var command = new Command("list", "Show the prices in force and where they come from.") { pattern, at, json, options.Config, options.Data, options.Url };
        command.SetAction((parsed, cancellationToken) => Exit.GuardAsync(parsed, async () =>
        {
            DateOnly? day = null;
            if (parsed.GetValue(at) is { } written && (day = Date(written)) is null)
            {
                return await MistakeAsync(parsed, $"--at: '{written}' is not a date such as 2026-11-21.");
            }

            var list = await store.ListAsync(parsed, parsed.GetValue(pattern), day, cancellationToken);
            var output = parsed.InvocationConfiguration.Output;
            if (parsed.GetValue(json))
            {
                await output.WriteLineAsync(JsonSerializer.Serialize(list, ProjectionsJson.Default.PriceList));
            }
            else
            {
                Terminal.On(output).Write(PriceTable.Of(list));
                await output.WriteLineAsync($"Prices {list.Version}, USD per million tokens; search: per thousand.");
            }

            return Exit.Ok;
        }));
        return command;
    }

    private Command Set()
    {
        var rates = Classes.Select(entry => new Option<string?>(entry.Option) { Description = $"{entry.Description} USD per million; required." }).ToList();
        var search = new Option<string?>("--web-search") { Description = "Web searches, USD per thousand.", DefaultValueFactory = _ => "0" };
        var from = new Option<string?>("--from") { Description = "The first UTC date of admission it counts for; today when not given." };
        var command = new Command("set", "Set the price of a model. Every class is given: none is derived from another.")
        {
            model, search, from, reason, options.Config, options.Data, options.Url,
        };
        rates.ForEach(command.Options.Add);
        command.SetAction((parsed, cancellationToken) => Exit.GuardAsync(parsed, async () =>
        {
            var mistakes = new List<string>();
            var numbers = rates.Append(search).Select(option => Rate(option.Name, parsed.GetValue(option), mistakes)).ToList();
            var day = parsed.GetValue(from) is { } written ? Date(written) : DateOnly.FromDateTime(TimeProvider.System.GetUtcNow().UtcDateTime);
            if (day is null)
            {
                mistakes.Add($"--from: '{parsed.GetValue(from)}' is not a date such as 2026-11-21.");
            }

            if (mistakes.Count > 0)
            {
                return await MistakeAsync(parsed, string.Join('\n', mistakes));
            }

            var entry = new PriceEntry
            {
                Model = parsed.GetValue(model)!,
                EffectiveFrom = day,
                PerMillion = new TokenRates { Input = numbers[0], Output = numbers[1], CacheRead = numbers[2], CacheWrite5m = numbers[3], CacheWrite1h = numbers[4] },
                PerThousand = new CallRates { WebSearch = numbers[5] },
            };
            var before = await store.ListAsync(parsed, entry.Model, day, cancellationToken);
            if (before.Prices.FirstOrDefault(price => PriceTable.Otherwise(price).Length > 0) is { } replaced)
            {
                // A fast answer would be billed at the standard rate from now on, and nobody might notice.
                await parsed.InvocationConfiguration.Error.WriteLineAsync(
                    $"Note: until now {replaced.Model} had other rates as well ({PriceTable.Otherwise(replaced)}). They are not set here; 'prices import' sets all of them.");
            }

            return await ChangeAsync(parsed, new PriceChangeDocument { Reason = parsed.GetValue(reason), Prices = [entry] }, cancellationToken);
        }));
        return command;
    }

    private Command Remove()
    {
        var from = new Option<string?>("--from") { Description = "The date of the entry, as 'prices list' shows it; not given for one that counts from ever." };
        var command = new Command("remove", "Take back a price that was set at run time.") { model, from, reason, options.Config, options.Data, options.Url };
        command.SetAction((parsed, cancellationToken) => Exit.GuardAsync(parsed, async () =>
        {
            DateOnly? day = null;
            if (parsed.GetValue(from) is { } written && (day = Date(written)) is null)
            {
                return await MistakeAsync(parsed, $"--from: '{written}' is not a date such as 2026-11-21.");
            }

            var document = new PriceChangeDocument { Reason = parsed.GetValue(reason), Withdraw = [new PriceWithdrawal(parsed.GetValue(model)!, day)] };
            return await ChangeAsync(parsed, document, cancellationToken);
        }));
        return command;
    }

    private async Task<int> ChangeAsync(ParseResult parsed, PriceChangeDocument document, CancellationToken cancellationToken)
    {
        var result = await store.ChangeAsync(parsed, document, dryRun: false, cancellationToken);
        var lines = result.Changed.Select(name => $"set: {name}")
            .Concat(result.Unchanged.Select(name => $"unchanged: {name}"))
            .Concat(result.Withdrawn.Select(name => $"removed: {name}"));
        await parsed.InvocationConfiguration.Output.WriteLineAsync(string.Join('\n', lines));
        return Exit.Ok;
    }

    private static decimal Rate(string option, string? written, List<string> mistakes)
    {
        if (written is null)
        {
            mistakes.Add($"{option} is missing: give the rate of every class, 0 if there is none. No rate is derived from another.");
        }
        else if (!decimal.TryParse(written, NumberStyles.Float, CultureInfo.InvariantCulture, out var rate))
        {
            mistakes.Add($"{option}: '{written}' is not a number.");
        }
        else if (rate < 0m)
        {
            mistakes.Add($"{option}: {written} is negative, and would pay for being used.");
        }
        else
        {
            return rate;
        }

        return 0m;
    }

    private static async Task<int> MistakeAsync(ParseResult parsed, string message)
    {
        await parsed.InvocationConfiguration.Error.WriteLineAsync(message);
        return Exit.Usage;
    }

    public static DateOnly? Date(string written) =>
        DateOnly.TryParseExact(written, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var date) ? date : null;
}

/// <summary>Where the commands find and change prices: in the store, or at a running gateway.</summary>
internal sealed class PriceStore(StoreOptions options)
{
    public async Task<PriceList> ListAsync(ParseResult parsed, string? model, DateOnly? at, CancellationToken cancellationToken)
    {
        if (parsed.GetValue(options.Url) is { } url)
        {
            var query = string.Create(CultureInfo.InvariantCulture, $"/api/prices?model={Uri.EscapeDataString(model ?? "")}&at={at:yyyy-MM-dd}");
            using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(url, query));
            return JsonSerializer.Deserialize(await SendAsync(parsed, url, request, cancellationToken), ProjectionsJson.Default.PriceList)!;
        }

        await using var store = options.Open(parsed);
        var book = await (await OpenAsync(store, cancellationToken)).ReadAsync(store.Config, cancellationToken);
        return PriceList.Of(book, model, at, DateOnly.FromDateTime(TimeProvider.System.GetUtcNow().UtcDateTime));
    }

    public async Task<PriceChangeResult> ChangeAsync(ParseResult parsed, PriceChangeDocument document, bool dryRun, CancellationToken cancellationToken)
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(document, ProjectionsJson.Default.PriceChangeDocument);
        if (parsed.GetValue(options.Url) is { } url)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(url, dryRun ? "/api/prices?dryRun=true" : "/api/prices")) { Content = new ByteArrayContent(body) };
            return JsonSerializer.Deserialize(await SendAsync(parsed, url, request, cancellationToken), ProjectionsJson.Default.PriceChangeResult)!;
        }

        var errors = new List<(string Path, string Message)>();
        using var read = JsonDocument.Parse(body);
        var change = PriceBookFile.ReadChange(read.RootElement, errors)
            ?? throw new CommandFailedException(string.Join('\n', errors.Select(error => $"{error.Path}: {error.Message}")));
        await using var store = options.Open(parsed);
        try
        {
            return await (await OpenAsync(store, cancellationToken)).ApplyAsync(change, store.Config, Environment.UserName, dryRun, cancellationToken);
        }
        catch (PriceChangeRefusedException refused)
        {
            throw new CommandFailedException(refused.Message);
        }
    }

    private static async Task<PriceChanges> OpenAsync(OpenStore store, CancellationToken cancellationToken)
    {
        await store.CatchUpAsync(cancellationToken);
        return new PriceChanges(store.Database, new EventIntake(store.Events), new ProjectionRound(store.Database, store.Events, TimeProvider.System), TimeProvider.System);
    }

    private async Task<string> SendAsync(ParseResult parsed, Uri url, HttpRequestMessage request, CancellationToken cancellationToken)
    {
        using var client = new HttpClient { Timeout = TimeSpan.FromSeconds(100) };
        client.DefaultRequestHeaders.Authorization = OperatorCredentials.Find(url, parsed.GetValue(options.Config)!);
        using var response = await client.SendAsync(request, cancellationToken);
        var body = await response.Content.ReadAsStringAsync(cancellationToken);
        return response.IsSuccessStatusCode ? body : throw new CommandFailedException($"The gateway answered {(int)response.StatusCode}: {body}");
    }
}

/// <summary>The prices as people read them.</summary>
internal static class PriceTable
{
    public static Table Of(PriceList list)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("model", "source", "from");
        foreach (var column in (string[])["input", "output", "cache read", "write 5m", "write 1h", "search"])
        {
            table.AddColumn(new TableColumn(column).RightAligned());
        }

        table.AddColumn("otherwise");
        foreach (var entry in list.Prices)
        {
            var rates = entry.PerMillion;
            table.AddRow(
            [
                new Text(entry.Model), new Text(entry.Source ?? ""), new Text(entry.EffectiveFrom is { } from ? from.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture) : "ever"),
                Number(rates.Input), Number(rates.Output), Number(rates.CacheRead), Number(rates.CacheWrite5m), Number(rates.CacheWrite1h), Number(entry.PerThousand.WebSearch),
                new Text(Otherwise(entry)),
            ]);
        }

        return table;
    }

    /// <summary>The rates and multipliers beside the standard ones.</summary>
    public static string Otherwise(PriceEntry entry)
    {
        var text = new StringBuilder();
        foreach (var tier in entry.AboveInputTokens ?? [])
        {
            text.Append(CultureInfo.InvariantCulture, $"above {tier.Tokens}: {Rates(tier.PerMillion)}; ");
        }

        foreach (var (name, speed) in entry.Speed ?? new Dictionary<string, SpeedRates>())
        {
            text.Append(CultureInfo.InvariantCulture, $"{name}: {Rates(speed.PerMillion)}; ");
        }

        foreach (var (name, multiplier) in (entry.InferenceGeo ?? new Dictionary<string, decimal>()).Concat(entry.ServiceTier ?? new Dictionary<string, decimal>()))
        {
            text.Append(CultureInfo.InvariantCulture, $"{name}: ×{multiplier:0.####}; ");
        }

        return text.ToString().TrimEnd(' ', ';');
    }

    private static string Rates(TokenRates rates) => string.Create(
        CultureInfo.InvariantCulture, $"{rates.Input:0.######} {rates.Output:0.######} {rates.CacheRead:0.######} {rates.CacheWrite5m:0.######} {rates.CacheWrite1h:0.######}");

    private static Text Number(decimal rate) => new(rate.ToString("0.00####", CultureInfo.InvariantCulture));
}
