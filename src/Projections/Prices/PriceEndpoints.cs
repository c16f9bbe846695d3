using System.Globalization;
using System.Text.Json;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.OpenApi;
using CCGate.Projections.Administration;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;

namespace CCGate.Projections.Prices;

/// <summary><c>GET /api/prices</c>: the prices in force and where they come from. <c>POST /api/prices</c>: changes them at run time. <c>POST /api/prices/import</c>: takes over those of a file.</summary>
internal static class PriceEndpoints
{
    /// <summary>Some thousand entries.</summary>
    private const long MaxBodyBytes = 4 * 1024 * 1024;

    /// <summary>LiteLLM's file has grown past one.</summary>
    private const long MaxFileBytes = 16 * 1024 * 1024;

    private const string DryRun = "dryRun";

    private static readonly string[] Parameters = ["model", "at"];

    private static readonly string[] ImportParameters = ["provider", "models", "from", "reason", DryRun];

    public static void MapPrices(this IEndpointRouteBuilder api)
    {
        api.MapGet("/prices", ListAsync)
            .WithSummary("The prices in force")
            .WithQuery("model", "A model's name gives the one entry that prices it; with '*' in it, the entries of such names.")
            .WithQuery("at", "A date (UTC) such as 2026-11-21; without it, today's and those that will hold later.")
            .Produces<PriceList>()
            .ProducesValidationProblem();
        api.MapPost("/prices", ChangeAsync)
            .WithSummary("Set prices, or take back those that were set")
            .WithDescription("In the form of prices.json. It is an event in the ledger; every process puts it into force, and nothing priced before changes.")
            .WithSwitch(DryRun, "Say what would change, and change nothing.")
            .WithBody<PriceChangeDocument>()
            .WithRequestExample("""{ "reason": "Offer of November", "prices": [ { "model": "claude-sonnet-4-5", "perMillion": { "input": 2.7, "output": 13.5, "cacheRead": 0.27, "cacheWrite5m": 3.375, "cacheWrite1h": 5.4 } } ] }""")
            .Produces<PriceChangeResult>()
            .ProducesValidationProblem()
            .ProducesProblem(StatusCodes.Status409Conflict);
        api.MapPost("/prices/import", ImportAsync)
            .WithSummary("Set the prices of a file")
            .WithDescription("The body is a prices.json, or a price file of LiteLLM. What cannot be taken over whole is skipped, and said.")
            .WithQuery("provider", "Only this provider's.")
            .WithQuery("models", "Only these, separated by commas.")
            .WithQuery("from", "The date (UTC) they hold from; today when not given.")
            .WithQuery("reason", "Why.")
            .WithSwitch(DryRun, "Say what would change, and change nothing.")
            .WithBody<JsonElement>()
            .Produces<ImportReport>()
            .ProducesValidationProblem()
            .ProducesProblem(StatusCodes.Status409Conflict);
    }

    private static async Task<IResult> ListAsync(HttpRequest request, ConfigSource config, PriceChanges changes, TimeProvider time, CancellationToken cancellationToken)
    {
        DateOnly? at = null;
        if (request.Query["at"] is [{ Length: > 0 } written])
        {
            if (!DateOnly.TryParseExact(written, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var date))
            {
                return Problem("at", $"'{written}' is not a date such as 2026-11-21.");
            }

            at = date;
        }

        if (request.Query.Keys.FirstOrDefault(name => !Parameters.Contains(name)) is { } unknown)
        {
            return Problem(unknown, $"There is no such parameter; there are {string.Join(", ", Parameters)}.");
        }

        var book = await changes.ReadAsync(config.Files, cancellationToken);
        var model = request.Query["model"] is [{ Length: > 0 } name] ? name : null;
        return TypedResults.Json(PriceList.Of(book, model, at, DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime)), ProjectionsJson.Default.PriceList);
    }

    private static async Task<IResult> ChangeAsync(HttpRequest request, ConfigSource config, PriceChanges changes, OperatorChanges operators, CancellationToken cancellationToken)
    {
        var errors = new List<(string Path, string Message)>();
        if (await ReadAsync(request, MaxBodyBytes, root => PriceBookFile.ReadChange(root, errors), errors, cancellationToken) is not { } change)
        {
            return Problem(errors);
        }

        try
        {
            var result = await changes.ApplyAsync(change, config.Files, request.HttpContext.User.Identity!.Name!, dryRun: request.Query[DryRun] == "true", cancellationToken);
            await operators.ReadAsync(cancellationToken); // In force here before it is answered.
            return TypedResults.Json(result, ProjectionsJson.Default.PriceChangeResult);
        }
        catch (PriceChangeRefusedException refused)
        {
            return TypedResults.Problem(refused.Message, statusCode: StatusCodes.Status409Conflict);
        }
    }

    /// <summary>The file is the body; what is to be taken from it is in the query, as the command's options are.</summary>
    private static async Task<IResult> ImportAsync(
        HttpRequest request, ConfigSource config, PriceChanges changes, OperatorChanges operators, TimeProvider time, CancellationToken cancellationToken)
    {
        var day = DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime);
        if (Text(request, "from") is { } from && !DateOnly.TryParseExact(from, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out day))
        {
            return Problem("from", $"'{from}' is not a date such as 2026-11-21.");
        }

        if (request.Query.Keys.FirstOrDefault(name => !ImportParameters.Contains(name)) is { } unknown)
        {
            return Problem(unknown, $"There is no such parameter; there are {string.Join(", ", ImportParameters)}.");
        }

        var errors = new List<(string Path, string Message)>();
        var models = Text(request, "models")?.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) ?? [];
        var imported = await ReadAsync(request, MaxFileBytes, root => PriceImport.Read(root, PriceImport.Detect(root), day, Text(request, "provider"), models, errors), errors, cancellationToken);
        if (imported is null)
        {
            return Problem(errors);
        }

        var dryRun = Text(request, DryRun) == "true";
        try
        {
            var change = new PriceChange(imported.Prices, [], Text(request, "reason") ?? "");
            var result = imported.Prices.Count == 0
                ? new PriceChangeResult(null, [], [], [])
                : await changes.ApplyAsync(change, config.Files, request.HttpContext.User.Identity!.Name!, dryRun, cancellationToken);
            await operators.ReadAsync(cancellationToken); // In force here before it is answered.
            return TypedResults.Json(new ImportReport(dryRun, result.Id, result.Changed, result.Unchanged, imported.Skipped, imported.OtherProviders), ProjectionsJson.Default.ImportReport);
        }
        catch (PriceChangeRefusedException refused)
        {
            return TypedResults.Problem(refused.Message, statusCode: StatusCodes.Status409Conflict);
        }
    }

    private static async Task<T?> ReadAsync<T>(
        HttpRequest request, long maxBytes, Func<JsonElement, T?> read, List<(string Path, string Message)> errors, CancellationToken cancellationToken)
        where T : class
    {
        try
        {
            if (request.HttpContext.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } bound)
            {
                bound.MaxRequestBodySize = maxBytes;
            }

            using var document = await JsonDocument.ParseAsync(request.Body, PriceBookFile.Syntax, cancellationToken);
            if (JsonStrings.AreText(document.RootElement))
            {
                return read(document.RootElement);
            }

            errors.Add(("$", JsonStrings.Problem));
            return null;
        }
        catch (JsonException error)
        {
            errors.Add(("$", $"is not JSON: line {error.LineNumber + 1}, byte {error.BytePositionInLine + 1}"));
            return null;
        }
    }

    private static string? Text(HttpRequest request, string name) => request.Query[name] is [{ Length: > 0 } text] ? text : null;

    private static Microsoft.AspNetCore.Http.HttpResults.ValidationProblem Problem(List<(string Path, string Message)> errors) =>
        TypedResults.ValidationProblem(errors.GroupBy(error => error.Path, error => error.Message).ToDictionary(group => group.Key, group => group.ToArray()));

    private static Microsoft.AspNetCore.Http.HttpResults.ValidationProblem Problem(string name, string message) => TypedResults.ValidationProblem(new Dictionary<string, string[]> { [name] = [message] });
}
