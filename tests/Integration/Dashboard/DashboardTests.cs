using System.Net;
using System.Net.Http.Headers;
using System.Text.RegularExpressions;
using CCGate.Projections.Dashboard;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.Integration.Dashboard;

/// <summary>The page as a browser fetches it. Needs the page to be built, as test.sh does.</summary>
public sealed partial class DashboardTests
{
    [Fact]
    public async Task Every_address_of_the_page_shows_it_and_is_asked_for_again()
    {
        await using var gateway = await TestGateway.StartAsync("""{ "upstreams": [] }""");

        foreach (var path in (string[])["/dashboard", "/dashboard/", "/dashboard/requests/01980000-0000-7000-8000-000000000000"])
        {
            var answer = await gateway.Http.GetAsync(path);

            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            Assert.Equal("text/html", answer.Content.Headers.ContentType?.MediaType);
            Assert.True(answer.Headers.CacheControl?.NoCache);
            Assert.Contains("script-src 'self';", Assert.Single(answer.Headers.GetValues("Content-Security-Policy")), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Its_scripts_are_kept_for_ever_and_come_compressed_to_who_takes_that()
    {
        await using var gateway = await TestGateway.StartAsync("""{ "upstreams": [] }""");
        var script = await ScriptAsync(gateway);

        var plain = await SendAsync(gateway, HttpMethod.Get, script, encoding: null);
        var compressed = await SendAsync(gateway, HttpMethod.Get, script, "br");
        var refused = await SendAsync(gateway, HttpMethod.Get, script, "br;q=0");

        Assert.Contains("immutable", plain.Headers.CacheControl!.ToString(), StringComparison.Ordinal);
        Assert.Equal("text/javascript", plain.Content.Headers.ContentType?.MediaType);
        Assert.Empty(plain.Content.Headers.ContentEncoding);
        Assert.Equal(["br"], compressed.Content.Headers.ContentEncoding);
        Assert.True(compressed.Content.Headers.ContentLength < plain.Content.Headers.ContentLength);
        Assert.NotEqual(plain.Headers.ETag, compressed.Headers.ETag);
        Assert.Empty(refused.Content.Headers.ContentEncoding);
    }

    [Fact]
    public async Task What_has_not_changed_is_not_sent_again()
    {
        await using var gateway = await TestGateway.StartAsync("""{ "upstreams": [] }""");
        var first = await gateway.Http.GetAsync("/dashboard");
        using var again = new HttpRequestMessage(HttpMethod.Get, "/dashboard/usage");
        again.Headers.IfNoneMatch.Add(first.Headers.ETag!);

        Assert.Equal(HttpStatusCode.NotModified, (await gateway.Http.SendAsync(again)).StatusCode);
    }

    [Fact]
    public async Task HEAD_answers_as_GET_does_without_the_content()
    {
        await using var gateway = await TestGateway.StartAsync("""{ "upstreams": [] }""");

        var answer = await SendAsync(gateway, HttpMethod.Head, "/dashboard", encoding: null);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.True(answer.Content.Headers.ContentLength > 0);
        Assert.Empty(await answer.Content.ReadAsByteArrayAsync());
    }

    [Theory]
    [InlineData("/dashboard/assets/gone-12345678.js")]
    [InlineData("/dashboard/assets/../../ccgate.dll")]
    [InlineData("/dashboard/assets/%2e%2e/%2e%2e/ccgate.dll")]
    public async Task What_is_not_there_is_not_found_rather_than_the_page(string path)
    {
        await using var gateway = await TestGateway.StartAsync("""{ "upstreams": [] }""");

        Assert.Equal(HttpStatusCode.NotFound, (await gateway.Http.GetAsync(path)).StatusCode);
    }

    [Fact]
    public void A_build_without_the_page_has_no_files()
    {
        var files = new DashboardFiles(new DirectoryInfo(Path.Combine(Path.GetTempPath(), "ccgate-no-such-directory")));

        Assert.Null(files.Page);
    }

    private static async Task<string> ScriptAsync(TestGateway gateway) =>
        ScriptOfPage().Match(await gateway.Http.GetStringAsync("/dashboard")).Groups[1].Value;

    private static Task<HttpResponseMessage> SendAsync(TestGateway gateway, HttpMethod method, string path, string? encoding)
    {
        using var request = new HttpRequestMessage(method, path);
        if (encoding is not null)
        {
            request.Headers.AcceptEncoding.Add(StringWithQualityHeaderValue.Parse(encoding));
        }

        return gateway.Http.SendAsync(request);
    }

    [GeneratedRegex("src=\"(/dashboard/assets/[^\"]+\\.js)\"")]
    private static partial Regex ScriptOfPage();
}
