using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.OpenApi;

namespace CCGate.Hosting.OpenApi;

/// <summary>The OpenAPI document of the operator's API, made of the endpoints that are mapped. What clients of models speak is their vendors' to describe.</summary>
internal static class ApiDocument
{
    public const string Name = "v1";
    public const string SessionCookie = "ccgate_session";
    public const string TenantPrefix = "/api/me";

    private const string Problem = "application/problem+json";

    private const string About = """
        Ask a gateway what was used and owed, and change what holds at run time. Money is in USD, instants are in UTC (ISO 8601), members that are null are left out.
        Errors are problem details (RFC 9457). Misspelt query parameters are refused rather than ignored.
        """;

    public static IServiceCollection AddApiDocument(this IServiceCollection services) => services.AddOpenApi(Name, options =>
    {
        options.OpenApiVersion = OpenApiSpecVersion.OpenApi3_1;
        options.ShouldInclude = endpoint => endpoint.RelativePath?.StartsWith("api/", StringComparison.Ordinal) == true;
        options.AddSchemaTransformer((schema, context, _) =>
        {
            Require(schema, context.JsonTypeInfo);
            Enumerate(schema, context.JsonPropertyInfo);
            return Task.CompletedTask;
        });
        options.AddOperationTransformer(DescribeAsync);
        options.AddDocumentTransformer(FinishAsync);
    });

    /// <summary>Lets schemas be made as a context writes its types: answers are written with the context itself, schemas follow the options of the host.</summary>
    public static IServiceCollection AddApiSchemas(this IServiceCollection services, JsonSerializerContext context) => services.ConfigureHttpJsonOptions(json =>
    {
        json.SerializerOptions.TypeInfoResolverChain.Insert(0, context);
        json.SerializerOptions.NumberHandling = JsonNumberHandling.Strict;
        json.SerializerOptions.DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull;
    });

    /// <summary>What is not null is always there in an answer; what can be null is left out. In a request only what the constructor asks for must be there.</summary>
    private static void Require(OpenApiSchema schema, JsonTypeInfo type)
    {
        if (type.Kind == JsonTypeInfoKind.Object && schema.Properties is { Count: > 0 } properties)
        {
            var isRequest = IsRequest(type.Type.Name);
            var present = type.Properties.Where(property => properties.ContainsKey(property.Name)
                && (isRequest ? !property.IsGetNullable && (property.IsRequired || schema.Required?.Contains(property.Name) == true) : !property.IsGetNullable || IsAlwaysWritten(property)));
            schema.Required = present.Select(property => property.Name).ToHashSet(StringComparer.Ordinal);
        }
    }

    private static bool IsRequest(string type) => type.EndsWith("Request", StringComparison.Ordinal) || type.EndsWith("Document", StringComparison.Ordinal);

    private static bool IsAlwaysWritten(JsonPropertyInfo property) =>
        property.AttributeProvider?.GetCustomAttributes(typeof(JsonIgnoreAttribute), true) is [JsonIgnoreAttribute { Condition: JsonIgnoreCondition.Never }, ..];

    /// <summary>The values of a text that is one of a few, such as an enum that is stored by name.</summary>
    private static void Enumerate(OpenApiSchema schema, JsonPropertyInfo? property)
    {
        var values = property?.AttributeProvider?.GetCustomAttributes(true).Select(attribute => attribute switch
        {
            AllowedValuesAttribute allowed => allowed.Values.OfType<string>(),
            EnumDataTypeAttribute stored => Enum.GetNames(stored.EnumType),
            _ => null,
        });
        if (values?.FirstOrDefault(found => found is not null) is { } names)
        {
            schema.Enum = [.. names.Select(name => (JsonNode)name)];
        }
    }

    /// <summary>A member that an answer leaves out is never null there.</summary>
    private static void RemoveNulls(OpenApiDocument document)
    {
        foreach (var (name, found) in document.Components?.Schemas ?? new Dictionary<string, IOpenApiSchema>())
        {
            if (!IsRequest(name) && found is OpenApiSchema { Properties: { } properties } schema)
            {
                foreach (var (member, value) in properties.ToList())
                {
                    properties[member] = schema.Required?.Contains(member) == true ? value : WithoutNull(value);
                }
            }
        }
    }

    private static IOpenApiSchema WithoutNull(IOpenApiSchema schema)
    {
        if (schema.OneOf is [{ Type: JsonSchemaType.Null }, var other])
        {
            return other;
        }

        if (schema is OpenApiSchema { Type: { } type } plain)
        {
            plain.Type = type & ~JsonSchemaType.Null;
        }

        return schema;
    }

    private static Task DescribeAsync(OpenApiOperation operation, OpenApiOperationTransformerContext context, CancellationToken cancellationToken)
    {
        var metadata = context.Description.ActionDescriptor.EndpointMetadata;
        var path = context.Description.RelativePath ?? "";
        operation.OperationId ??= OperationId(context.Description.HttpMethod ?? "", path);
        if (!metadata.OfType<ITagsMetadata>().Any())
        {
            operation.Tags = new HashSet<OpenApiTagReference> { new(Tag(path), context.Document) };
        }

        foreach (var query in metadata.OfType<QueryParameter>())
        {
            (operation.Parameters ??= []).Add(new OpenApiParameter
            {
                Name = query.Name,
                In = ParameterLocation.Query,
                Description = query.Description,
                Schema = new OpenApiSchema { Type = query.Type, Enum = query.OneOf?.Select(value => (JsonNode)value).ToList() },
            });
        }

        operation.RequestBody?.Content?.Remove(ApiMetadata.AnyType);
        if (metadata.OfType<RequestExample>().LastOrDefault() is { } example && operation.RequestBody?.Content is { } content && content.TryGetValue(ApiMetadata.Json, out var body))
        {
            body.Example = JsonNode.Parse(example.Json);
        }

        foreach (var answer in metadata.OfType<TextAnswer>())
        {
            Add(operation, answer);
        }

        return Task.CompletedTask;
    }

    private static void Add(OpenApiOperation operation, TextAnswer answer)
    {
        var responses = operation.Responses ??= [];
        if (responses.GetValueOrDefault("200") is not OpenApiResponse ok)
        {
            responses["200"] = ok = new OpenApiResponse { Description = answer.Description };
        }

        ok.Content ??= new Dictionary<string, OpenApiMediaType>();
        ok.Content[answer.ContentType] = new OpenApiMediaType { Schema = new OpenApiSchema { Type = JsonSchemaType.String, Description = answer.Description } };
    }

    private static async Task FinishAsync(OpenApiDocument document, OpenApiDocumentTransformerContext context, CancellationToken cancellationToken)
    {
        document.Info = new OpenApiInfo
        {
            Title = "CCGate",
            Version = typeof(ApiDocument).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown",
            Description = About,
        };

        // The address it was asked at says nothing of where others reach it.
        document.Servers = [];
        AddSchemes(document);
        document.AddComponent(nameof(ProblemDetails), await context.GetOrCreateSchemaAsync(typeof(ProblemDetails), null, cancellationToken));
        RemoveNulls(document);
        var ordered = document.Paths.OrderBy(path => path.Key, StringComparer.Ordinal).ToList();
        document.Paths = [];
        foreach (var (path, item) in ordered)
        {
            document.Paths.Add(path, item);
            foreach (var operation in (item.Operations ?? []).Values)
            {
                Secure(operation, path, document);
            }
        }

        var tags = document.Paths.Values.SelectMany(path => (path.Operations ?? []).Values).SelectMany(operation => operation.Tags ?? new HashSet<OpenApiTagReference>());
        document.Tags = tags.Select(tag => tag.Reference.Id ?? "").Distinct().Order(StringComparer.Ordinal).Select(tag => new OpenApiTag { Name = tag }).ToHashSet();
    }

    private static void AddSchemes(OpenApiDocument document)
    {
        document.AddComponent("cookie", (IOpenApiSecurityScheme)new OpenApiSecurityScheme
        {
            Type = SecuritySchemeType.ApiKey,
            In = ParameterLocation.Cookie,
            Name = SessionCookie,
            Description = "From POST /api/session. What changes something needs the header x-ccgate-csrf: 1 with it.",
        });
        document.AddComponent("basic", (IOpenApiSecurityScheme)new OpenApiSecurityScheme { Type = SecuritySchemeType.Http, Scheme = "basic", Description = "The operator of server.json." });
        document.AddComponent("token", (IOpenApiSecurityScheme)new OpenApiSecurityScheme { Type = SecuritySchemeType.Http, Scheme = "bearer", Description = "An API token (ccgate_at_…)." });
        document.AddComponent("tenantKey", (IOpenApiSecurityScheme)new OpenApiSecurityScheme
        {
            Type = SecuritySchemeType.ApiKey,
            In = ParameterLocation.Header,
            Name = "x-api-key",
            Description = "A tenant's own key, as its clients send it; for what is below /api/me.",
        });
    }

    private static void Secure(OpenApiOperation operation, string path, OpenApiDocument document)
    {
        string[] schemes = path == TenantPrefix || path.StartsWith(TenantPrefix + "/", StringComparison.Ordinal) ? ["cookie", "tenantKey"] : ["cookie", "basic", "token"];
        operation.Security = [.. schemes.Select(scheme => new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference(scheme, document)] = [] })];
        (operation.Responses ??= []).TryAdd("401", new OpenApiResponse
        {
            Description = "Nobody is signed in.",
            Content = new Dictionary<string, OpenApiMediaType> { [Problem] = new() { Schema = new OpenApiSchemaReference(nameof(ProblemDetails), document) } },
        });
    }

    /// <summary><c>GET api/tenants/{id}/keys</c> is <c>getTenantsByIdKeys</c>: stable, unique, and a name in every language.</summary>
    private static string OperationId(string method, string path)
    {
        var id = new StringBuilder(method.ToLowerInvariant());
        foreach (var segment in path.Split('/', StringSplitOptions.RemoveEmptyEntries).Skip(1))
        {
            var isParameter = segment.StartsWith('{');
            id.Append(isParameter ? "By" : "");
            foreach (var word in segment.Trim('{', '}').Split('-', ':')[..(isParameter ? 1 : ^0)])
            {
                id.Append(Capital(word));
            }
        }

        return id.ToString();
    }

    private static string Tag(string path) => path.Split('/') is [_, { Length: > 0 } feature, ..] ? Capital(feature) : "Gateway";

    private static string Capital(string word) => word.Length == 0 ? "" : char.ToUpper(word[0], CultureInfo.InvariantCulture) + word[1..];
}
