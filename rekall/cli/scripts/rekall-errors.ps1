
# rk! searches the last error that PowerShell keeps; of other programs it keeps no stderr.
function Search-RekallError {
    if ($Error.Count -eq 0) {
        Write-Host 'PowerShell has kept no error'
        return
    }
    $said = $Error[0] | Out-String
    $said | rekall search --min likely --limit 3 '-'
}
Set-Alias -Name 'rk!' -Value Search-RekallError
