using System.Text;
using CCGate.Contracts;
using CCGate.Hosting.Configuration;
using CCGate.Proxy.Usage;

namespace CCGate.Tests.Unit.Proxy;

public sealed class ErrorBodyTests
{
    [Theory]
    [InlineData("anthropic", """{"type":"error","error":{"type":"overloaded_error"}}""", true)]
    [InlineData("anthropic", """{"error":{"message":"no"}}""", true)]
    [InlineData("anthropic", """{"type":"message","content":[]}""", false)]
    [InlineData("anthropic", """[{"error":{}}]""", false)]
    [InlineData("openai", """{"error":{"message":"no"}}""", true)]
    [InlineData("openai", """{"error":"no"}""", true)]
    [InlineData("openai", """{"error":null,"id":"resp_1"}""", false)]
    [InlineData("openai", """{"type":"error"}""", false)]
    [InlineData("openai", """{"errors":{}}""", false)]
    [InlineData("gemini", """{"error":{"code":503}}""", true)]
    [InlineData("gemini", """[{"error":{"code":503}}]""", true)]
    [InlineData("gemini", """[{"candidates":[]}]""", false)]
    [InlineData("gemini", "{}", false)]
    [InlineData("gemini", "no JSON", false)]
    public void An_error_in_place_of_an_answer_is_known_by_its_first_member(string protocol, string body, bool isError)
    {
        var reader = UsageReaders.For(protocol switch { "openai" => UpstreamKind.OpenAi, "gemini" => UpstreamKind.Gemini, _ => UpstreamKind.Anthropic }, likelyPromptTokens: 1);

        Assert.Equal(isError, reader.IsError(Encoding.UTF8.GetBytes(body)));
    }

    [Fact]
    public void As_long_as_too_little_has_come_nothing_is_said()
    {
        var body = "  {\"type\" : \"error\""u8;

        for (var length = 0; length < body.Length; length++)
        {
            Assert.Null(ErrorBody.Is(body[..length], isTyped: true));
        }

        Assert.True(ErrorBody.Is(body, isTyped: true));
    }

    [Fact]
    public void An_error_with_status_200_is_not_billed()
    {
        using var meter = new AttemptMeter(new AnthropicUsageReader(), 200, "application/json", null);
        meter.Observe("""{"type":"error","error":{"type":"overloaded_error","message":"no"}}"""u8);

        Assert.Equal((UsageState.KnownZero, "overloaded_error"), (meter.Finish().State, meter.Finish().StreamError));
    }
}
