using System.Text.Json;
using CCGate.Metering;

namespace CCGate.Tests.Unit.Metering;

public sealed class StorableJsonTests
{
    [Theory]
    [InlineData("""{"a":"\u0000"}""", """{"a":"\ufffd"}""")]
    [InlineData("""{"a\u0000b":1}""", """{"a\ufffdb":1}""")]
    [InlineData("""{"a":"\ud83d"}""", """{"a":"\ufffd"}""")]
    [InlineData("""{"a":"\ude00\ud83d"}""", """{"a":"\ufffd\ufffd"}""")]
    [InlineData("""{"a":"\ud83dx\ude00"}""", """{"a":"\ufffdx\ufffd"}""")]
    [InlineData("""{"a":"\\\u0000"}""", """{"a":"\\\ufffd"}""")]
    public void What_no_store_keeps_becomes_the_replacement_character(string json, string storable) => Assert.Equal(storable, StorableJson.From(json));

    [Theory]
    [InlineData("""{"a":"\\u0000"}""")]
    [InlineData("""{"a":"\ud83d\ude00"}""")]
    [InlineData("""{"a":"😀 \"\\\n"}""")]
    [InlineData("""{"a":"\u00e9","n":1.50}""")]
    [InlineData("")]
    [InlineData("\\")]
    [InlineData("\\u00")]
    public void Anything_else_stays_the_same_text(string json) => Assert.Same(json, StorableJson.From(json));

    [Fact]
    public void A_pair_written_half_escaped_and_half_not_is_still_a_pair()
    {
        var json = "{\"a\":\"\\ud83d\ude00\"}";
        Assert.Same(json, StorableJson.From(json));
    }

    [Fact]
    public void Half_a_pair_that_is_not_escaped_is_replaced_too() =>
        Assert.Equal("\ufffd", JsonDocument.Parse(StorableJson.From("\"\ud83d\"")).RootElement.GetString());
}
