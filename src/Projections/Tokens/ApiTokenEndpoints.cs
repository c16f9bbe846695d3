using System.Buffers.Text;
using System.ComponentModel.DataAnnotations;
using System.Security.Cryptography;
using System.Text.Json;
using CCGate.Contracts;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.OpenApi;
using CCGate.Hosting.Operators;
using CCGate.Metering;
using CCGate.Projections.Administration;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace CCGate.Projections.Tokens;

/// <summary>An operator's wish for a token.</summary>
internal sealed record ApiTokenRequest
{
    public string? Name { get; init; }

    /// <summary><c>read</c> or <c>admin</c>.</summary>
    public string? Scope { get; init; }

    /// <summary>Null for a token that lasts until it is revoked.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }
}

/// <summary>A token as it is listed; the token itself only when it was made just now.</summary>
internal sealed record ApiTokenItem(
    Guid Id,
    string Name,
    [property: AllowedValues(Caller.AdminScope, Caller.ReadScope)] string Scope,
    DateTimeOffset CreatedAt,
    DateTimeOffset? ExpiresAt,
    DateTimeOffset? LastUsedAt,
    string Hint,
    string By)
{
    public string? Token { get; init; }
}

/// <summary>The answer of <c>GET /api/tokens</c>.</summary>
internal sealed record ApiTokenList(IReadOnlyList<ApiTokenItem> Items);

/// <summary><c>/api/tokens</c>: gives tokens to programs, lists them, takes them back.</summary>
internal static class ApiTokenEndpoints
{
    private const int MaxTokens = 1000;
    private const int MaxName = 100;
    private const int MaxReason = 1000;
    private const int MaxBodyBytes = 16 * 1024;
    private const int SecretBytes = 32;
    private const int HintLength = 4;

    public static void MapTokens(this IEndpointRouteBuilder api)
    {
        var tokens = api.MapGroup("/tokens");
        tokens.MapGet("", List).WithSummary("Lists tokens of the API").WithDescription("Without the tokens themselves.").Produces<ApiTokenList>();
        tokens.MapPost("", IssueAsync).WithSummary("Issues a token of the API").WithDescription("The token is in this answer and never again.")
            .WithBody<ApiTokenRequest>().WithRequestExample("""{ "name": "grafana", "scope": "read", "expiresAt": "2027-01-31T18:00:00Z" }""")
            .Produces<ApiTokenItem>(StatusCodes.Status201Created).ProducesValidationProblem();
        tokens.MapDelete("/{id:guid}", RevokeAsync).WithSummary("Revokes a token of the API").WithDescription("It is refused from its next request on.")
            .Produces(StatusCodes.Status204NoContent).ProducesValidationProblem().ProducesProblem(StatusCodes.Status404NotFound);
    }

    private static JsonHttpResult<ApiTokenList> List(ConfigSource config, ApiTokens tokens) => TypedResults.Json(
        new ApiTokenList([.. config.Current.ApiTokens.Select(token =>
            new ApiTokenItem(token.Id, token.Name, token.Scope, token.CreatedAt, token.ExpiresAt, tokens.LastUsed(token.Id), token.Hint, token.By))]),
        ProjectionsJson.Default.ApiTokenList);

    private static async Task<IResult> IssueAsync(HttpContext http, ConfigSource config, EventIntake intake, OperatorChanges operators, TimeProvider time, CancellationToken cancellationToken)
    {
        var errors = new Dictionary<string, string[]>();
        if (await ReadAsync(http, errors, cancellationToken) is not { } request || !Check(request, config.Current, time.GetUtcNow(), errors))
        {
            return TypedResults.ValidationProblem(errors);
        }

        var now = time.GetUtcNow();
        var secret = ApiToken.Prefix + Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(SecretBytes));
        var issued = new ApiTokenIssued
        {
            TokenId = Guid.CreateVersion7(now),
            Name = request.Name!,
            Scope = request.Scope!,
            SecretHash = SecretHash.Of(secret).Written,
            Hint = secret[^HintLength..],
            ExpiresAt = request.ExpiresAt?.ToUniversalTime(),
            By = http.User.Identity!.Name!,
            At = now,
        };
        await intake.AddAsync(EventRecord.From(issued), cancellationToken);
        await operators.ReadAsync(cancellationToken); // In force here before it is answered.
        var item = new ApiTokenItem(issued.TokenId, issued.Name, issued.Scope, issued.At, issued.ExpiresAt, null, issued.Hint, issued.By) { Token = secret };
        return TypedResults.Json(item, ProjectionsJson.Default.ApiTokenItem, statusCode: StatusCodes.Status201Created);
    }

    private static async Task<IResult> RevokeAsync(
        Guid id, string? reason, HttpContext http, ConfigSource config, EventIntake intake, OperatorChanges operators, TimeProvider time, CancellationToken cancellationToken)
    {
        if (reason?.Length > MaxReason)
        {
            return TypedResults.ValidationProblem(new Dictionary<string, string[]> { ["reason"] = [$"It is longer than {MaxReason} characters."] });
        }

        if (!config.Current.ApiTokens.Any(token => token.Id == id))
        {
            return TypedResults.Problem($"There is no token {id}.", statusCode: StatusCodes.Status404NotFound);
        }

        var now = time.GetUtcNow();
        await intake.AddAsync(EventRecord.From(new ApiTokenRevoked { TokenId = id, By = http.User.Identity!.Name!, At = now, Reason = reason }), cancellationToken);
        await operators.ReadAsync(cancellationToken); // In force here before it is answered.
        return TypedResults.NoContent();
    }

    private static bool Check(ApiTokenRequest request, GatewayConfig config, DateTimeOffset now, Dictionary<string, string[]> errors)
    {
        if (string.IsNullOrWhiteSpace(request.Name) || request.Name.Length > MaxName || request.Name.Any(char.IsControl))
        {
            errors["name"] = [$"Give a name of 1 to {MaxName} characters: what the token changes is ascribed to it."];
        }
        else if (config.ApiTokens.Any(token => token.Name == request.Name))
        {
            errors["name"] = [$"There is a token '{request.Name}' already."];
        }

        if (request.Scope is not (Caller.ReadScope or Caller.AdminScope))
        {
            errors["scope"] = ["It is 'read' or 'admin'."];
        }

        if (request.ExpiresAt <= now)
        {
            errors["expiresAt"] = ["It is in the past."];
        }

        if (config.ApiTokens.Length >= MaxTokens)
        {
            errors["body"] = [$"There are {MaxTokens} tokens already: revoke some."];
        }

        return errors.Count == 0;
    }

    private static async Task<ApiTokenRequest?> ReadAsync(HttpContext http, Dictionary<string, string[]> errors, CancellationToken cancellationToken)
    {
        try
        {
            if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } bound)
            {
                bound.MaxRequestBodySize = MaxBodyBytes;
            }

            return await http.Request.ReadFromJsonAsync(ProjectionsJson.Default.ApiTokenRequest, cancellationToken) ?? throw new JsonException("it is null");
        }
        catch (Exception unreadable) when (unreadable is JsonException or InvalidOperationException)
        {
            errors["body"] = ["It is not a JSON object with name, scope, expiresAt."];
            return null;
        }
    }
}
