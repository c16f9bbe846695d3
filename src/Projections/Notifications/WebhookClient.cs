using System.Security.Cryptography;
using System.Text;
using CCGate.Hosting.Secrets;

namespace CCGate.Projections.Notifications;

/// <summary>Posts to the configured address, signed.</summary>
internal sealed class WebhookClient(TimeProvider time) : IDisposable
{
    public const string EventIdHeader = "x-ccgate-event-id";
    public const string SignatureHeader = "x-ccgate-signature";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    // The receiver's name may move; redirections are not followed, because what they lead to was not configured.
    private readonly HttpMessageInvoker connections = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, PooledConnectionLifetime = TimeSpan.FromMinutes(5) });

    public void Dispose() => connections.Dispose();

    /// <summary>Null when it was taken, else why not.</summary>
    public async Task<string?> PostAsync(Uri address, Secret? secret, Guid id, byte[] body, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, address) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new("application/json");
        request.Headers.Add(EventIdHeader, id.ToString());
        if (secret is not null)
        {
            request.Headers.Add(SignatureHeader, "sha256=" + Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret.Reveal()), body)));
        }

        using var patience = new CancellationTokenSource(Patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
        try
        {
            using var response = await connections.SendAsync(request, either.Token);
            return response.IsSuccessStatusCode ? null : $"it answered {(int)response.StatusCode}";
        }
        catch (Exception failure) when (failure is HttpRequestException or IOException || (failure is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return patience.IsCancellationRequested ? "no answer in time" : "it cannot be reached: " + failure.Message;
        }
    }
}
