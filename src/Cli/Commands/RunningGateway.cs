namespace CCGate.Cli.Commands;

/// <summary>Asks a gateway that runs, as its operator.</summary>
internal static class RunningGateway
{
    /// <summary>The answer's body; a POST when there is content.</summary>
    /// <exception cref="CommandFailedException">It refused; the message is what it said.</exception>
    public static async Task<string> AskAsync(Uri url, DirectoryInfo config, string path, HttpContent? content, CancellationToken cancellationToken)
    {
        using var client = new HttpClient { Timeout = TimeSpan.FromSeconds(100) };
        client.DefaultRequestHeaders.Authorization = OperatorCredentials.Find(url, config);
        using var request = new HttpRequestMessage(content is null ? HttpMethod.Get : HttpMethod.Post, new Uri(url, path)) { Content = content };
        using var response = await client.SendAsync(request, cancellationToken);
        var body = await response.Content.ReadAsStringAsync(cancellationToken);
        return response.IsSuccessStatusCode ? body : throw new CommandFailedException($"The gateway answered {(int)response.StatusCode}: {body}");
    }
}
