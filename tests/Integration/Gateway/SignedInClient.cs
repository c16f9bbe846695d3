using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.Integration.Gateway;

/// <summary>Asks a gateway as one person or program does, with the headers it was given.</summary>
internal static class SignedInClient
{
    public const string Server = """{ "admin": { "username": "admin", "password": "operator-password" } }""";

    public static AuthenticationHeaderValue Basic(string password = TestGateway.Password, string name = TestGateway.Admin) =>
        new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{name}:{password}")));

    public static async Task<HttpResponseMessage> SendAsync(this TestGateway gateway, HttpMethod method, string path, object? body = null, Action<HttpRequestHeaders>? headers = null)
    {
        using var request = new HttpRequestMessage(method, new Uri(gateway.Url + path)) { Content = body is null ? null : JsonContent.Create(body) };
        headers?.Invoke(request.Headers);
        using var client = new HttpClient(new SocketsHttpHandler { UseCookies = false }, disposeHandler: true);
        return await client.SendAsync(request);
    }

    /// <summary>The cookie that signing in gives.</summary>
    public static async Task<string> SignInAsync(this TestGateway gateway, object body)
    {
        using var response = await gateway.SendAsync(HttpMethod.Post, "/api/session", body);
        response.EnsureSuccessStatusCode();
        return Cookie(response);
    }

    public static string Cookie(HttpResponseMessage response) => Assert.Single(response.Headers.GetValues("Set-Cookie")).Split(';')[0];

    public static Task<HttpResponseMessage> WithCookieAsync(this TestGateway gateway, HttpMethod method, string path, string cookie, bool csrf = false, object? body = null) =>
        gateway.SendAsync(method, path, body, headers =>
        {
            headers.Add("Cookie", cookie);
            if (csrf)
            {
                headers.Add("x-ccgate-csrf", "1");
            }
        });

    public static async Task<JsonElement> JsonAsync(this HttpResponseMessage response) => JsonElement.Parse(await response.Content.ReadAsStringAsync());
}
