using CCGate.Hosting.Configuration;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.Unit.Hosting;

/// <summary>Proxies, authorities and timeouts of upstreams.json: what is read, and what is named when it is wrong.</summary>
public sealed class UpstreamEgressTests : IDisposable
{
    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("ccgate-config-");

    public void Dispose() => directory.Delete(recursive: true);

    [Fact]
    public void How_an_upstream_is_connected_to_is_read()
    {
        using var authority = new TestAuthority();
        TestGateway.Write(directory.CreateSubdirectory("certificates"), "ca.pem", authority.Pem);

        var upstream = Read("\"proxy\": \"socks5://u:p@p.example\", \"proxyFallback\": true, \"tls\": { \"caFile\": \"certificates/ca.pem\" }, \"timeouts\": { \"totalSeconds\": 600 }").Config!.Upstreams[0];

        Assert.Equal("socks5://u:p@p.example:1080/", upstream.Proxy!.AbsoluteUri);
        Assert.Equal((true, authority.Pem, TimeSpan.FromMinutes(10)), (upstream.ProxyFallback, upstream.CaPem, upstream.TotalTimeout));
    }

    [Theory]
    [InlineData("\"weight\": 1")]
    [InlineData("\"timeouts\": { \"totalSeconds\": 0 }")]
    public void An_attempt_has_no_limit_in_all_unless_there_is_one(string member) => Assert.Null(Read(member).Config!.Upstreams[0].TotalTimeout);

    [Theory]
    [InlineData("\"proxy\": \"ftp://p.example\"", "proxy", "is not an address", "socks4a://")]
    [InlineData("\"proxy\": \"p.example:8080\"", "proxy", "is not an address", "http://")]
    [InlineData("\"proxy\": \"http://p.example/path\"", "proxy", "has a path", "host[:port]")]
    [InlineData("\"proxy\": \"socks4://u:hidden@p.example\"", "proxy", "cannot carry", "socks5")]
    [InlineData("\"proxyFallback\": \"yes\"", "proxyFallback", "yes", "true or false")]
    [InlineData("\"tls\": true", "tls", "is true", "an object")]
    [InlineData("\"tls\": {}", "tls.caFile", "is missing", "a string")]
    [InlineData("\"tls\": { \"caFile\": \"nowhere.pem\" }", "tls.caFile", "nowhere.pem", "a PEM file")]
    [InlineData("\"tls\": { \"caFile\": \"empty.pem\" }", "tls.caFile", "has no certificate", "BEGIN CERTIFICATE")]
    [InlineData("\"tls\": { \"caFile\": \"broken.pem\" }", "tls.caFile", "cannot be read", "BEGIN CERTIFICATE")]
    [InlineData("\"tls\": { \"caFile\": \".\" }", "tls.caFile", "there is no file", "a PEM file")]
    [InlineData("\"timeouts\": { \"totalSeconds\": -1 }", "timeouts.totalSeconds", "is -1", "from 0")]
    public void A_setting_that_is_wrong_is_named_with_what_is_allowed(string member, string path, string message, string allowed)
    {
        TestGateway.Write(directory, "empty.pem", "no certificate");
        TestGateway.Write(directory, "broken.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");

        var error = Assert.Single(Read(member).Errors);

        Assert.Equal(("upstreams.json", "$.upstreams[0]." + path), (error.File, error.Path));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.Contains(allowed, error.Allowed, StringComparison.Ordinal);
        Assert.DoesNotContain("hidden", error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void What_has_no_effect_is_said()
    {
        using var authority = new TestAuthority();
        TestGateway.Write(directory, "ca.pem", authority.Pem);

        var reading = Read("\"proxyFallback\": true, \"tls\": { \"caFile\": \"ca.pem\" }", "http");

        Assert.Equal(["$.upstreams[0].proxyFallback", "$.upstreams[0].tls.caFile"], reading.Problems.Where(problem => problem.File == "upstreams.json").Select(problem => problem.Path).Order());
        Assert.NotNull(reading.Config);
    }

    private ConfigReading Read(string member, string scheme = "https")
    {
        TestGateway.Write(directory, "upstreams.json", $$"""{ "upstreams": [ { "id": "a", "url": "{{scheme}}://a.example", {{member}} } ] }""");
        return new ConfigDirectory(directory).Read();
    }
}
