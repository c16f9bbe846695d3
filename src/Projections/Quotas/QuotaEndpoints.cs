using CCGate.Hosting.Configuration;
using CCGate.Hosting.OpenApi;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace CCGate.Projections.Quotas;

/// <summary><c>GET /api/quotas</c>: how much of each limit is used, and when it starts over.</summary>
internal static class QuotaEndpoints
{
    public static void MapQuotas(this IEndpointRouteBuilder api) => api.MapGet("/quotas", AnswerAsync)
        .WithSummary("How much of each limit is used")
        .WithDescription("And when each starts over. It follows the read model, a second or so behind the requests.")
        .WithQuery("tenant", "Only this tenant.")
        .WithQuery("key", "Only this key of the tenant.")
        .Produces<QuotaReport>()
        .ProducesValidationProblem();

    private static async Task<IResult> AnswerAsync(HttpRequest request, ConfigSource config, QuotaReader quotas, TimeProvider time, CancellationToken cancellationToken)
    {
        var errors = new Dictionary<string, string[]>();
        foreach (var (name, values) in request.Query.Where(parameter => parameter.Key is not ("tenant" or "key") || parameter.Value.Count != 1))
        {
            errors[name] = [name is "tenant" or "key" ? "Give it once." : "There is no such parameter; there are tenant, key."];
        }

        var snapshot = config.Current;
        var question = new QuotaQuestion(Written("tenant"), Written("key"));
        if (errors.Count > 0 || (errors = question.Errors(snapshot)) is not null)
        {
            return TypedResults.ValidationProblem(errors);
        }

        var now = time.GetUtcNow();
        return TypedResults.Json(new QuotaReport(now, await quotas.ReadAsync(snapshot, question, now, cancellationToken)), ProjectionsJson.Default.QuotaReport);

        string? Written(string name) => request.Query[name] is [{ Length: > 0 } value] ? value : null;
    }
}
