using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace CCGate.Hosting.Secrets;

/// <summary>A secret that is kept in the clear because it is sent on. Whoever logs, prints or serializes it, or what holds it, gets <c>***</c>.</summary>
[DebuggerDisplay(Hidden)]
[JsonConverter(typeof(SecretConverter))]
internal sealed class Secret(string text) : IEquatable<Secret>
{
    public const string Hidden = "***";

    [DebuggerBrowsable(DebuggerBrowsableState.Never)]
    private readonly string text = text;

    /// <summary>To hide needs no word; to show does.</summary>
    [return: NotNullIfNotNull(nameof(text))]
    public static implicit operator Secret?(string? text) => text is null ? null : new Secret(text);

    /// <summary>For the line that sends it, and for no other.</summary>
    public string Reveal() => text;

    public bool Equals(Secret? other) => other is not null && text == other.text;

    public override bool Equals(object? obj) => Equals(obj as Secret);

    public override int GetHashCode() => StringComparer.Ordinal.GetHashCode(text);

    public override string ToString() => Hidden;
}

/// <summary>Writes no secret, and reads none: what was written hidden would be read as one.</summary>
internal sealed class SecretConverter : JsonConverter<Secret>
{
    public override Secret Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => throw new NotSupportedException("Secrets are not read out of JSON by themselves.");

    public override void Write(Utf8JsonWriter writer, Secret value, JsonSerializerOptions options) => writer.WriteStringValue(Secret.Hidden);
}
