using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using CCGate.Tests.Docs;
using CCGate.Tests.Infrastructure;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace CCGate.Tests.Integration.Gateway;

/// <summary>What the gateway says of its own API.</summary>
public sealed partial class ApiDocumentTests
{
    private static readonly string Server = $$"""{ "admin": { "username": "{{TestGateway.Admin}}", "password": "{{TestGateway.Password}}" } }""";
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    [Fact]
    public async Task The_document_has_every_endpoint_of_the_API_and_says_what_each_asks_and_answers()
    {
        await using var gateway = await TestGateway.StartAsync(TestGateway.Upstreams(), server: Server);

        var document = JsonNode.Parse((await gateway.AskAsync("/openapi/v1.json")).GetRawText())!;

        Assert.StartsWith("3.1.", (string?)document["openapi"], StringComparison.Ordinal);
        Assert.Equal("CCGate", (string?)document["info"]!["title"]);
        Assert.Equal(["basic", "cookie", "tenantKey", "token"], document["components"]!["securitySchemes"]!.AsObject().Select(scheme => scheme.Key).Order(StringComparer.Ordinal));
        var operations = Operations(document).ToList();
        Assert.Equal(Mapped(gateway), operations.Select(operation => operation.Name).Order(StringComparer.Ordinal));
        Assert.Equal(operations.Count, operations.Select(operation => (string?)operation.Node["operationId"]).Distinct().Count());
        Assert.All(operations, operation => Check(operation.Name, operation.Node));
        Assert.All(References(document), reference => Assert.NotNull(Resolve(document, reference)));
    }

    /// <summary>The page's types are made from the file. Write it anew with CCGATE_WRITE_GOLDEN=1.</summary>
    [Fact]
    public async Task The_document_is_the_one_in_the_repository()
    {
        await using var gateway = await TestGateway.StartAsync(TestGateway.Upstreams(), server: Server);
        var text = JsonNode.Parse((await gateway.AskAsync("/openapi/v1.json")).GetRawText())!.ToJsonString(Indented).ReplaceLineEndings("\n") + "\n";
        var file = Path.Combine(DocumentFile.Root, "src/Dashboard/openapi.json");

        if (Environment.GetEnvironmentVariable("CCGATE_WRITE_GOLDEN") == "1")
        {
            await File.WriteAllTextAsync(file, text);
        }

        Assert.Equal(await File.ReadAllTextAsync(file), text);
    }

    [Fact]
    public async Task The_page_for_people_needs_the_operator_and_nothing_from_elsewhere_and_no_script_in_the_page()
    {
        await using var gateway = await TestGateway.StartAsync(TestGateway.Upstreams(), server: Server);

        using var page = await GetAsync(gateway, "/docs/index.html");
        var html = await page.Content.ReadAsStringAsync();

        Assert.Contains("script-src 'self';", page.Headers.GetValues("content-security-policy").Single(), StringComparison.Ordinal);
        Assert.DoesNotContain("://", html.Replace("http://www.w3.org", "", StringComparison.Ordinal), StringComparison.Ordinal);
        foreach (var script in Scripts().Matches(html).Select(match => match.Groups))
        {
            Assert.Empty(script["body"].Value.Trim());
            using var file = await GetAsync(gateway, "/docs/" + script["src"].Value.TrimStart('.', '/'));
            Assert.Equal(HttpStatusCode.OK, file.StatusCode);
        }

        Assert.Contains("/openapi/v1.json", await (await GetAsync(gateway, "/docs/index.js")).Content.ReadAsStringAsync(), StringComparison.Ordinal);
        foreach (var path in (string[])["/docs", "/docs/index.html", "/docs/swagger-ui-bundle.js", "/openapi/v1.json"])
        {
            using var refused = await gateway.Http.GetAsync(path);
            Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
        }

        using var missing = await GetAsync(gateway, "/docs/nothing.js");
        Assert.Equal(HttpStatusCode.NotFound, missing.StatusCode);
    }

    private static void Check(string name, JsonNode operation)
    {
        Assert.False(string.IsNullOrEmpty((string?)operation["summary"]), $"{name} has no summary");
        Assert.True(operation["responses"]!["401"]?["content"]?["application/problem+json"] is not null, $"{name} does not say 401");
        Assert.NotEmpty(operation["tags"]!.AsArray());
        Assert.NotEmpty(operation["security"]!.AsArray());
        var good = operation["responses"]!.AsObject().Where(response => response.Key[0] == '2').ToList();
        Assert.NotEmpty(good);
        Assert.All(good, response => Assert.True(
            response.Key == "204" || (response.Value!["content"]?.AsObject().All(content => content.Value?["schema"] is not null) ?? false), $"{name} does not say what {response.Key} is"));
    }

    private static IEnumerable<(string Name, JsonNode Node)> Operations(JsonNode document) =>
        from path in document["paths"]!.AsObject()
        from operation in path.Value!.AsObject()
        where operation.Key != "parameters"
        select ($"{operation.Key.ToUpperInvariant()} {path.Key}", operation.Value!);

    private static List<string> Mapped(TestGateway gateway) =>
    [
        .. gateway.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .Where(endpoint => endpoint.RoutePattern.RawText!.TrimStart('/').StartsWith("api/", StringComparison.Ordinal) && endpoint.Metadata.GetMetadata<IExcludeFromDescriptionMetadata>() is null)
            .SelectMany(endpoint => endpoint.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods.Select(method => $"{method} /{Constraint().Replace(endpoint.RoutePattern.RawText!.Trim('/'), "}")}"))
            .Order(StringComparer.Ordinal),
    ];

    [System.Text.RegularExpressions.GeneratedRegex(@":\w+\}")]
    private static partial System.Text.RegularExpressions.Regex Constraint();

    private static IEnumerable<string> References(JsonNode? node) => node switch
    {
        JsonObject found => found.SelectMany(member => member.Key == "$ref" ? [(string)member.Value!] : References(member.Value)),
        JsonArray found => found.SelectMany(References),
        _ => [],
    };

    private static JsonNode? Resolve(JsonNode document, string reference) =>
        reference.TrimStart('#', '/').Split('/').Aggregate((JsonNode?)document, (node, name) => node is JsonArray array ? array[int.Parse(name, System.Globalization.CultureInfo.InvariantCulture)] : node?[name]);

    private static async Task<HttpResponseMessage> GetAsync(TestGateway gateway, string path)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{TestGateway.Admin}:{TestGateway.Password}")));
        return await gateway.Http.SendAsync(request);
    }

    [GeneratedRegex("<script(?:[^>]*src=\"(?<src>[^\"]*)\")?[^>]*>(?<body>.*?)</script>", RegexOptions.Singleline)]
    private static partial Regex Scripts();
}
