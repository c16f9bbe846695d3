using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.OpenApi;

namespace CCGate.Hosting.OpenApi;

/// <summary>A query parameter that the endpoint reads by itself, so that a misspelt one can be refused; nothing else would say that it is there.</summary>
/// <param name="Type">What it is written as.</param>
/// <param name="OneOf">The only values allowed; null for any.</param>
internal sealed record QueryParameter(string Name, string Description, JsonSchemaType Type, IReadOnlyList<string>? OneOf);

/// <summary>A body that the endpoint takes, as JSON text for whoever reads the documentation.</summary>
internal sealed record RequestExample(string Json);

/// <summary>An answer that is not JSON, such as CSV or a stream of events.</summary>
internal sealed record TextAnswer(string ContentType, string Description);

/// <summary>What the OpenAPI document says of an endpoint beyond what ASP.NET Core can see or has words for.</summary>
internal static class ApiMetadata
{
    public const string Json = "application/json";

    /// <summary>Not in the document: it only keeps routing from refusing other types before the endpoint can say what is wrong.</summary>
    public const string AnyType = "*/*";

    public static TBuilder WithQuery<TBuilder>(this TBuilder endpoint, string name, string description, params string[] oneOf)
        where TBuilder : IEndpointConventionBuilder => endpoint.WithMetadata(new QueryParameter(name, description, JsonSchemaType.String, oneOf.Length > 0 ? oneOf : null));

    public static TBuilder WithNumber<TBuilder>(this TBuilder endpoint, string name, string description)
        where TBuilder : IEndpointConventionBuilder => endpoint.WithMetadata(new QueryParameter(name, description, JsonSchemaType.Integer, null));

    public static TBuilder WithSwitch<TBuilder>(this TBuilder endpoint, string name, string description)
        where TBuilder : IEndpointConventionBuilder => endpoint.WithMetadata(new QueryParameter(name, description, JsonSchemaType.Boolean, null));

    /// <summary>The JSON that the endpoint reads by itself, whatever content type it is sent with: <c>curl -d</c> names another.</summary>
    public static RouteHandlerBuilder WithBody<T>(this RouteHandlerBuilder endpoint, bool isOptional = false)
        where T : notnull => endpoint.Accepts<T>(isOptional, Json, AnyType);

    public static TBuilder WithRequestExample<TBuilder>(this TBuilder endpoint, string json)
        where TBuilder : IEndpointConventionBuilder => endpoint.WithMetadata(new RequestExample(json));

    /// <summary>Of the status 200, beside JSON or instead of it.</summary>
    public static TBuilder WithTextAnswer<TBuilder>(this TBuilder endpoint, string contentType, string description)
        where TBuilder : IEndpointConventionBuilder => endpoint.WithMetadata(new TextAnswer(contentType, description));
}
