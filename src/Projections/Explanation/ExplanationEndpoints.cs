using CCGate.Metering.EventStore;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace CCGate.Projections.Explanation;

/// <summary><c>GET /api/requests/{id}</c>: why a request cost what it cost.</summary>
internal static class ExplanationEndpoints
{
    public static void MapExplanation(this IEndpointRouteBuilder api) => api.MapGet("/requests/{id}", AnswerAsync)
        .WithSummary("Why a request cost what it cost")
        .WithDescription("Every attempt with its usage, prices and the arithmetic, and every adjustment since.")
        .Produces<RequestExplanation>()
        .ProducesValidationProblem()
        .ProducesProblem(StatusCodes.Status404NotFound);

    private static async Task<IResult> AnswerAsync(string id, IEventStore store, CancellationToken cancellationToken)
    {
        if (!Guid.TryParse(id, out var requestId))
        {
            return TypedResults.ValidationProblem(new Dictionary<string, string[]>
            {
                ["id"] = [$"'{id}' is not a request id such as 019aa5c0-8f2e-7c3b-9d4e-1f2a3b4c5d6e."],
            });
        }

        return await new RequestExplainer(store).ExplainAsync(requestId, cancellationToken) is { } explanation
            ? TypedResults.Json(explanation, ProjectionsJson.Default.RequestExplanation)
            : TypedResults.Problem($"There is no request {requestId} in the ledger.", statusCode: StatusCodes.Status404NotFound);
    }
}
