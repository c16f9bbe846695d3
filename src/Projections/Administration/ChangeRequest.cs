using System.Globalization;
using System.Text.Json;
using CCGate.Hosting.Configuration;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace CCGate.Projections.Administration;

/// <summary>A change as an operator asks for it: who, why, of which version, and the members of the body.</summary>
internal sealed class ChangeRequest
{
    private const long MaxBodyBytes = 256 * 1024;
    private const int MaxReason = 1000;

    private readonly List<ConfigProblem> problems = [];
    private readonly string? ifMatch;

    private ChangeRequest(HttpContext http, JsonElement body, string? reason)
    {
        By = http.User.Identity!.Name!;
        Body = Node(body, "$");
        Reason = reason ?? Body.String("reason");
        if (Reason is { Length: > MaxReason })
        {
            Body.Error("reason", "is too long", string.Create(CultureInfo.InvariantCulture, $"at most {MaxReason} characters"));
        }

        ifMatch = http.Request.Headers.IfMatch is [{ Length: > 0 } written] && written != "*" ? written.Trim('"') : null;
    }

    public string By { get; }

    /// <summary>Null when nobody said.</summary>
    public string? Reason { get; }

    /// <summary>A member that nobody asked it for is refused: a misspelt one would be gone with the answer.</summary>
    public ConfigNode Body { get; }

    /// <summary>A change with a body; nothing at all is an object without members.</summary>
    /// <exception cref="ChangeRefusedException">It is no JSON object.</exception>
    public static async Task<ChangeRequest> ReadAsync(HttpContext http)
    {
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } bound)
        {
            bound.MaxRequestBodySize = MaxBodyBytes;
        }

        using var text = new MemoryStream();
        await http.Request.Body.CopyToAsync(text, http.RequestAborted);
        try
        {
            var body = JsonElement.Parse(text.Length == 0 ? "{}"u8 : text.ToArray(), PriceBookFile.Syntax);
            if (!JsonStrings.AreText(body))
            {
                throw ChangeRefusedException.Invalid("$", JsonStrings.Problem);
            }

            return body.ValueKind == JsonValueKind.Object ? new ChangeRequest(http, body, reason: null) : throw ChangeRefusedException.Invalid("$", "is not a JSON object");
        }
        catch (JsonException error)
        {
            // The reader's own message may quote what stands there, which may be a secret.
            throw ChangeRefusedException.Invalid("$", string.Create(CultureInfo.InvariantCulture, $"is not JSON: line {error.LineNumber + 1}, byte {error.BytePositionInLine + 1}"));
        }
    }

    /// <summary>A removal: it has no body, and its reason stands in the query.</summary>
    public static ChangeRequest Removal(HttpContext http, string? reason) => new(http, JsonElement.Parse("{}"u8), reason);

    /// <summary>The version that <c>If-Match</c> asks for again.</summary>
    public static void Tag(HttpResponse response, long? version)
    {
        if (version is { } position)
        {
            response.Headers.ETag = string.Create(CultureInfo.InvariantCulture, $"\"{position}\"");
        }
    }

    /// <summary>What is declared.</summary>
    /// <exception cref="ChangeRefusedException">There is none.</exception>
    public ConfigNode Document(string form) => Body.Object("document") ?? throw ChangeRefusedException.Invalid("$.document", "is missing, or no object", form);

    /// <summary>An object made of what was sent; what is wrong with it is wrong with the change.</summary>
    public ConfigNode Node(JsonElement element, string path) => new(element, "", path, problems, isLiteral: true);

    /// <exception cref="ChangeRefusedException">Something is wrong, or a member is not known. What a file only warns of is wrong too.</exception>
    public void Check()
    {
        Body.Finish(unknownIsError: true);
        ChangeRefusedException.ThrowIfAny(problems);
    }

    /// <exception cref="ChangeRefusedException">It is the change of another version.</exception>
    public void CheckVersion(long version)
    {
        if (ifMatch is not null && ifMatch != version.ToString(CultureInfo.InvariantCulture))
        {
            throw Overtaken();
        }
    }

    /// <summary>Refused because of another change.</summary>
    public ChangeRefusedException Overtaken() => new(
        ifMatch is null ? StatusCodes.Status409Conflict : StatusCodes.Status412PreconditionFailed, "Somebody else changed it meanwhile. Nothing was changed here: look at it, and say it again.");
}
