using System.Text.Json;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.OpenApi;
using CCGate.Projections.Engine;
using CCGate.Projections.Unsettled;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace CCGate.Projections.Adjustments;

/// <summary><c>GET /api/billing/unknown</c> and <c>POST /api/billing/adjustments</c>: what nobody said the price of, and saying it.</summary>
internal static class AdjustmentEndpoints
{
    public static void MapAdjustments(this IEndpointRouteBuilder api)
    {
        api.MapGet("/billing/unknown", ListAsync)
            .WithSummary("Requests of which nobody said what they cost")
            .WithDescription("The oldest of them, with what each still holds of its limits. Settle one with POST /api/billing/adjustments.")
            .WithQuery("tenant", "Only this tenant.")
            .WithSwitch("all", "Also those that were settled since.")
            .Produces<UnsettledReport>();
        api.MapPost("/billing/adjustments", AdjustAsync)
            .WithSummary("Settle or correct a charge")
            .WithDescription("A settlement says what an unsettled request owes, in USD or in tokens; a correction adds USD to a charge or takes them back. The ledger is added to, never changed.")
            .WithBody<AdjustmentRequest>()
            .WithRequestExample("""{ "requestId": "019aa5c0-8f2e-7c3b-9d4e-1f2a3b4c5d6e", "kind": "settlement", "usd": 0.12, "reason": "From the provider's console" }""")
            .Produces<AdjustmentAnswer>()
            .ProducesProblem(StatusCodes.Status400BadRequest)
            .ProducesProblem(StatusCodes.Status404NotFound)
            .ProducesProblem(StatusCodes.Status409Conflict);
    }

    private static async Task<IResult> ListAsync(HttpRequest request, UnsettledReader reader, CancellationToken cancellationToken)
    {
        string? tenant = request.Query["tenant"] is [{ Length: > 0 } name] ? name : null;
        return TypedResults.Json(await reader.ReadAsync(tenant, request.Query["all"] == "true", cancellationToken), ProjectionsJson.Default.UnsettledReport);
    }

    private static async Task<IResult> AdjustAsync(
        HttpRequest request, SpendAdjuster adjuster, ProjectionRunner projections, CancellationToken cancellationToken)
    {
        try
        {
            var asked = await JsonSerializer.DeserializeAsync(request.Body, ProjectionsJson.Default.AdjustmentRequest, cancellationToken) ?? throw new JsonException("It is null.");
            var answer = await adjuster.AdjustAsync(asked, request.HttpContext.User.Identity!.Name!, cancellationToken);
            projections.Wake();
            return TypedResults.Json(answer, ProjectionsJson.Default.AdjustmentAnswer);
        }
        catch (JsonException malformed)
        {
            return TypedResults.Problem($"The body is not an adjustment: {malformed.Message}", statusCode: StatusCodes.Status400BadRequest);
        }
        catch (AdjustmentRefusedException refused)
        {
            return TypedResults.Problem(refused.Message, statusCode: refused.Refusal switch
            {
                AdjustmentRefusal.UnknownRequest => StatusCodes.Status404NotFound,
                AdjustmentRefusal.Conflict => StatusCodes.Status409Conflict,
                _ => StatusCodes.Status400BadRequest,
            });
        }
    }
}
