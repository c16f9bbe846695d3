using System.Text.Json.Serialization;
using CCGate.Cli.Prices;

namespace CCGate.Cli;

/// <summary>What commands print with <c>--json</c> and no endpoint answers.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ImportReport))]
internal sealed partial class CliJson : JsonSerializerContext;
