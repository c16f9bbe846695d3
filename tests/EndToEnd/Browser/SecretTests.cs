using System.Net;
using System.Text.Json;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.EndToEnd.Browser;

/// <summary>What is secret is nowhere to be read. It needs the gateway of the dashboard's tests, and no browser.</summary>
[Collection(nameof(Browser))]
public sealed class SecretTests(DashboardGateway gateway)
{
    [Fact]
    public async Task No_secret_is_in_any_answer_of_the_api_or_in_the_log()
    {
        var paths = (await gateway.Http.AskAsync("/openapi/v1.json")).GetProperty("paths").EnumerateObject()
            .Where(path => path.Name.StartsWith("/api/", StringComparison.Ordinal) && path.Value.TryGetProperty("get", out _) && path.Name is not "/api/live")
            .Select(path => path.Name.Replace("{id}", IdFor(path.Name), StringComparison.Ordinal))
            .Concat(["/api/events?limit=1000", "/dashboard", "/dashboard/tenants/alice", "/metrics", "/health", "/openapi/v1.json"])
            .ToList();
        Assert.True(paths.Count > 20, string.Join(' ', paths));

        foreach (var path in paths)
        {
            AssertNoSecret(path, await ReadAsync(path));
        }

        AssertNoSecret("the log", gateway.Process.Output);
    }

    private string IdFor(string path) => path.StartsWith("/api/requests", StringComparison.Ordinal) ? gateway.RequestId.ToString() : "alice";

    private void AssertNoSecret(string where, string text)
    {
        foreach (var secret in gateway.Secrets)
        {
            var isThere = text.Contains(secret, StringComparison.Ordinal) || text.Contains(JsonEncodedText.Encode(secret).Value, StringComparison.Ordinal);
            Assert.False(isThere, $"{where} has the secret …{secret[^4..]}");
        }
    }

    /// <summary>As the operator; what is only for tenants, or is not there, is refused.</summary>
    private async Task<string> ReadAsync(string path)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Authorization = Integration.Gateway.SignedInClient.Basic();
        using var response = await gateway.Http.SendAsync(request);
        Assert.True(response.StatusCode is HttpStatusCode.OK or HttpStatusCode.NotFound or HttpStatusCode.Forbidden or HttpStatusCode.BadRequest, $"{path}: {response.StatusCode}");
        return await response.Content.ReadAsStringAsync();
    }
}
