using CCGate.Contracts;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.OpenApi;
using CCGate.Metering;
using CCGate.Projections.Administration;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace CCGate.Projections.Quotas;

/// <summary><c>/api/budgets/extensions</c>: gives a tenant extra budget for a time, and lists what was given.</summary>
internal static class BudgetEndpoints
{
    public static void MapBudgets(this IEndpointRouteBuilder api)
    {
        var extensions = api.MapGroup("/budgets/extensions");
        extensions.MapGet("", ListAsync)
            .WithSummary("Extra budgets that were given")
            .Produces<ExtensionList>();
        extensions.MapPost("", AddAsync)
            .WithSummary("Give a tenant extra budget for a time")
            .WithDescription("Until the end of the window that runs, or until what 'until' says. With an 'id' of your own, asking twice adds once.")
            .WithBody<ExtensionRequest>()
            .WithRequestExample("""{ "tenant": "alice", "window": "daily", "usd": 10, "reason": "Release day" }""")
            .Produces<BudgetExtended>(StatusCodes.Status201Created)
            .ProducesValidationProblem();
    }

    private static async Task<IResult> ListAsync(string? tenant, ConfigSource config, BudgetExtensions extensions, CancellationToken cancellationToken) =>
        TypedResults.Json(new ExtensionList(await extensions.ReadAsync(config.Current, tenant, cancellationToken)), ProjectionsJson.Default.ExtensionList);

    private static async Task<IResult> AddAsync(HttpRequest http, ConfigSource config, EventIntake intake, OperatorChanges operators, TimeProvider time, CancellationToken cancellationToken)
    {
        var errors = new Dictionary<string, string[]>();
        var request = await ReadAsync(http, errors, cancellationToken);
        var snapshot = config.Current;
        if (request is null || BudgetExtensions.Decide(request, snapshot, http.HttpContext.User.Identity!.Name!, time.GetUtcNow(), errors) is not { } extended)
        {
            return TypedResults.ValidationProblem(errors);
        }

        await intake.AddAsync(EventRecord.From(extended), cancellationToken);
        await operators.ReadAsync(cancellationToken); // In force here before it is answered.
        return TypedResults.Json(extended, ProjectionsJson.Default.BudgetExtended, statusCode: StatusCodes.Status201Created);
    }

    private static async Task<ExtensionRequest?> ReadAsync(HttpRequest http, Dictionary<string, string[]> errors, CancellationToken cancellationToken)
    {
        try
        {
            return await http.ReadFromJsonAsync(ProjectionsJson.Default.ExtensionRequest, cancellationToken) ?? throw new System.Text.Json.JsonException("it is null");
        }
        catch (Exception unreadable) when (unreadable is System.Text.Json.JsonException or InvalidOperationException)
        {
            errors["body"] = [$"It is not a JSON object with tenant, window, usd, tokens, requests, until, reason: {unreadable.Message}"];
            return null;
        }
    }
}
