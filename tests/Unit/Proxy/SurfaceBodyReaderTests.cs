using System.Text;
using CCGate.Proxy.Pipeline;
using CCGate.Proxy.Surfaces;

namespace CCGate.Tests.Unit.Proxy;

/// <summary>What the OpenAI and Gemini bodies say of the most that a call can cost.</summary>
public sealed class SurfaceBodyReaderTests
{
    [Theory]
    [InlineData("""{"type":"image_url","image_url":{"url":"data:image/png;base64,DATA","detail":"high"}}""", 10_000, 10_100)]
    [InlineData("""{"image_url":{"detail":"low","url":"https://x/y.png"},"type":"image_url"}""", 10_000, 10_100)]
    [InlineData("""{"type":"input_image","image_url":"data:image/png;base64,DATA"}""", 10_000, 10_100)]
    [InlineData("""{"type":"input_image","file_id":"file-1"}""", 10_000, 10_100)]
    [InlineData("""{"type":"input_file","file_id":"file-1"}""", 1_050_000, 1_050_000)]
    [InlineData("""{"type":"input_file","file_url":"https://x"}""", 1_050_000, 1_050_000)]
    [InlineData("""{"type":"file","file":{"filename":"a.pdf","file_data":"data:application/pdf;base64,DATA"}}""", 20_000, 20_200)]
    [InlineData("""{"type":"input_audio","input_audio":{"data":"DATA","format":"mp3"}}""", 1_000, 1_200)]
    [InlineData("""{"type":"text","text":"DATA"}""", 10_000, 10_100)]
    [InlineData("""{"type":"text","text":{"a":{"b":{"image_url":"data:DATA"}}}}""", 10_000, 10_100)]
    public void An_attachment_of_OpenAI_s_is_bounded_by_its_size(string part, long atLeast, long atMost)
    {
        part = part.Replace("DATA", new string('A', 20_000), StringComparison.Ordinal);
        var chat = Encoding.UTF8.GetBytes($$"""{"messages":[{"role":"user","content":[{{part}}]}],"model":"gpt-5.5"}""");
        var responses = Encoding.UTF8.GetBytes($$"""{"input":[{"role":"user","content":[{{part}}]}],"model":"gpt-5.5"}""");

        Assert.InRange(OpenAiBodyReader.Read(chat, OpenAiForm.Chat).PromptTokensBound(chat.Length), atLeast, atMost);
        Assert.InRange(OpenAiBodyReader.Read(responses, OpenAiForm.Responses).PromptTokensBound(responses.Length), atLeast, atMost);
    }

    [Theory]
    [InlineData("""{"model":"m","input":"x","previous_response_id":"r"}""", 1_050_000, 0)]
    [InlineData("""{"model":"m","input":"x","conversation":{"id":"c"}}""", 1_050_000, 0)]
    [InlineData("""{"model":"m","input":[{"type":"item_reference","id":"i"}]}""", 1_050_000, 0)]
    [InlineData("""{"model":"m","input":"x","previous_response_id":null}""", 0, 0)]
    [InlineData("""{"model":"m","input":"x","tools":[{"type":"function","name":"web_search"}]}""", 0, 0)]
    [InlineData("""{"model":"m","input":"x","tools":[{"type":"web_search"},{"type":"mcp"}]}""", 250_000, 10)]
    [InlineData("""{"model":"m","input":"x","max_tool_calls":2,"tools":[{"type":"web_search_preview"}]}""", 50_000, 2)]
    [InlineData("""{"model":"m","input":"x","tools":[{"type":"file_search"}],"max_tool_calls":1}""", 25_000, 0)]
    public void What_the_provider_keeps_or_looks_up_counts_as_prompt(string body, long besides, long searches)
    {
        var bytes = Encoding.UTF8.GetBytes(body);
        var read = OpenAiBodyReader.Read(bytes, OpenAiForm.Responses);

        Assert.Equal((Math.Min(1_050_000, besides + ((bytes.Length + 1) / 2)), searches), (read.PromptTokensBound(bytes.Length), read.WebSearches));
    }

    [Theory]
    [InlineData("""{"inlineData":{"mimeType":"image/png","data":"DATA"}}""", 5_000, 5_100)]
    [InlineData("""{"inline_data":{"data":"DATA","mime_type":"image/png"}}""", 5_000, 5_100)]
    [InlineData("""{"inlineData":{"mimeType":"application/pdf","data":"DATA"}}""", 20_000, 20_100)]
    [InlineData("""{"inlineData":{"mimeType":"audio/mp3","data":"DATA"}}""", 1_000, 1_100)]
    [InlineData("""{"fileData":{"fileUri":"gs://x"}}""", 2_097_152, 2_097_152)]
    [InlineData("""{"text":"DATA"}""", 10_000, 10_100)]
    [InlineData("""{"functionCall":{"args":{"inlineData":{"mimeType":"image/png","data":"DATA"}}}}""", 10_000, 10_100)]
    public void An_attachment_of_Gemini_s_is_bounded_by_its_size(string part, long atLeast, long atMost)
    {
        var body = Encoding.UTF8.GetBytes($$"""{"contents":[{"role":"user","parts":[{{part.Replace("DATA", new string('A', 20_000), StringComparison.Ordinal)}}]}]}""");

        Assert.InRange(GeminiBodyReader.Read(body).PromptTokensBound(body.Length), atLeast, atMost);
    }

    [Theory]
    [InlineData("""{"contents":[],"tools":[{"googleSearch":{}}]}""", 250_000, 10)]
    [InlineData("""{"contents":[],"tools":[{"code_execution":{}}]}""", 250_000, 0)]
    [InlineData("""{"contents":[],"tools":[{"functionDeclarations":[{"name":"googleSearch"}]}]}""", 0, 0)]
    [InlineData("""{"contents":[],"cachedContent":"cachedContents/1"}""", 2_097_152, 0)]
    public void Gemini_s_own_tools_and_caches_count_as_prompt(string body, long besides, long searches)
    {
        var bytes = Encoding.UTF8.GetBytes(body);
        var read = GeminiBodyReader.Read(bytes);

        Assert.Equal((Math.Min(2_097_152, besides + ((bytes.Length + 1) / 2)), searches), (read.PromptTokensBound(bytes.Length), read.WebSearches));
    }

    [Fact]
    public void A_thinking_budget_of_Gemini_s_is_a_floor_under_the_limit()
    {
        Assert.Equal(2048, GeminiBodyReader.Read("""{"generationConfig":{"thinking_config":{"thinkingBudget":2048,"includeThoughts":true}}}"""u8).ThinkingBudgetTokens);
        Assert.Equal(0, GeminiBodyReader.Read("""{"generationConfig":{"thinkingConfig":{"thinkingBudget":-1}}}"""u8).ThinkingBudgetTokens);
    }

    [Fact]
    public void Of_two_limits_the_larger_one_is_held()
    {
        var read = OpenAiBodyReader.Read("""{"model":"m","max_tokens":70,"max_completion_tokens":7}"""u8, OpenAiForm.Chat);

        Assert.Equal((70, 2), (read.MaxOutputTokens, read.OutputLimits().Count));
    }

    [Theory]
    [InlineData("""{"model":"a","mod\u0065l":"b"}""", "twice")]
    [InlineData("""{"stream_options":{},"stream_options":{}}""", "twice")]
    [InlineData("""{"stream_options":{"include_usage":true,"include_usage":false}}""", "twice")]
    [InlineData("""{"max_completion_tokens":5,"max_completion_tokens":6}""", "twice")]
    [InlineData("""{"max_tokens":0}""", "max_tokens")]
    [InlineData("""{"max_tokens":1.5}""", "max_tokens")]
    [InlineData("""{"n":1000}""", "n: ")]
    [InlineData("""{"messages":[{"\udc00":1}]}""", "Unicode")]
    [InlineData("""{"model":7}""", "model")]
    [InlineData("""{} {}""", "not JSON")]
    public void A_chat_body_that_says_two_things_or_the_wrong_one_is_refused(string body, string says) => Assert.Contains(
        says, Assert.Throws<RefusedException>(() => OpenAiBodyReader.Read(Encoding.UTF8.GetBytes(body), OpenAiForm.Chat)).Message, StringComparison.Ordinal);
}
