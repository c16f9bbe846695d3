using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using CCGate.Cli.Hosts;

namespace CCGate.Cli.Commands;

/// <summary>How a command shows a running gateway that the operator asks.</summary>
/// <remarks>Read from server.json itself: the configuration in memory keeps only the password's hash.</remarks>
internal static class OperatorCredentials
{
    public const string Token = "CCGATE_TOKEN";
    public const string Password = "CCGATE_ADMIN_PASSWORD";

    /// <summary>From the address (<c>http://admin:password@host</c>), a token in CCGATE_TOKEN, <c>admin</c> in server.json, or the password in CCGATE_ADMIN_PASSWORD.</summary>
    /// <param name="url">The gateway.</param>
    /// <param name="config">The configuration directory; it need not exist.</param>
    /// <param name="data">The data directory, where a demo keeps its password; null when the command has none.</param>
    public static AuthenticationHeaderValue Find(Uri url, DirectoryInfo config, DirectoryInfo? data = null)
    {
        if (url.UserInfo.Length == 0 && Variable(Token) is { } token)
        {
            return new AuthenticationHeaderValue("Bearer", token);
        }

        var pair = url.UserInfo.Length > 0 ? Uri.UnescapeDataString(url.UserInfo) : Read(new FileInfo(Path.Combine(config.FullName, "server.json")), data);
        return new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(pair)));
    }

    private static string Read(FileInfo file, DirectoryInfo? data)
    {
        var (username, password) = file.Exists ? ReadFile(file) : (null, null);
        password ??= Variable(Password);
        if (password is null && file.Directory is { Exists: false })
        {
            password = EnvironmentConfig.From(Environment.GetEnvironmentVariable)?.Password ?? (data is not null && Demo.IsIn(data) ? Demo.In(data).Password : null);
        }

        return password is not null ? $"{username ?? "admin"}:{password}" : throw new CommandFailedException(
            $"There is no readable operator password: set the environment variable {Password}, or {Token} to a token, or 'admin' with 'username' and 'password' in {file.FullName}, "
            + "or write them into --url as http://name:password@host.");
    }

    private static (string? Username, string? Password) ReadFile(FileInfo file)
    {
        using var document = JsonDocument.Parse(
            File.ReadAllText(file.FullName), new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
        return !document.RootElement.TryGetProperty("admin", out var admin) ? (null, null)
            : (Text(admin, "username"), Text(admin, "password") is { } password && !password.StartsWith("sha256:", StringComparison.OrdinalIgnoreCase) ? password : null);
    }

    private static string? Text(JsonElement admin, string name) =>
        admin.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? FromEnvironment(value.GetString()!) : null;

    /// <summary>The one form people use for a secret: the whole value is <c>${NAME}</c>.</summary>
    private static string? FromEnvironment(string value) =>
        value.StartsWith("${", StringComparison.Ordinal) && value.EndsWith('}') ? Environment.GetEnvironmentVariable(value[2..^1]) : value;

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
