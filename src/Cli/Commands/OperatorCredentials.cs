using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace CCGate.Cli.Commands;

/// <summary>The operator's name and password for asking a running gateway.</summary>
/// <remarks>Read from server.json itself: the configuration in memory keeps only the password's hash.</remarks>
internal static class OperatorCredentials
{
    /// <summary>From the address (<c>http://admin:password@host</c>), else from <c>admin</c> in server.json.</summary>
    public static AuthenticationHeaderValue Find(Uri url, DirectoryInfo config)
    {
        var pair = url.UserInfo.Length > 0 ? Uri.UnescapeDataString(url.UserInfo) : Read(new FileInfo(Path.Combine(config.FullName, "server.json")));
        return new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(pair)));
    }

    private static string Read(FileInfo file)
    {
        if (file.Exists)
        {
            using var document = JsonDocument.Parse(
                File.ReadAllText(file.FullName), new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
            if (document.RootElement.TryGetProperty("admin", out var admin)
                && Text(admin, "password") is { } password && !password.StartsWith("sha256:", StringComparison.OrdinalIgnoreCase))
            {
                return $"{Text(admin, "username") ?? "admin"}:{password}";
            }
        }

        throw new CommandFailedException(
            $"There is no readable operator password: set 'admin' with 'username' and 'password' in {file.FullName}, or write them into --url "
            + "as http://name:password@host.");
    }

    private static string? Text(JsonElement admin, string name) =>
        admin.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? FromEnvironment(value.GetString()!) : null;

    /// <summary>The one form people use for a secret: the whole value is <c>${NAME}</c>.</summary>
    private static string? FromEnvironment(string value) =>
        value.StartsWith("${", StringComparison.Ordinal) && value.EndsWith('}') ? Environment.GetEnvironmentVariable(value[2..^1]) : value;
}
