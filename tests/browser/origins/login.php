<?php
// A small application as PHP programmers write them: one file, its own session cookie, relative redirects.
session_start();
$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
$user = $_SERVER['HTTP_POSTERN_USER_ID'] ?? null;
if ($_SERVER['REQUEST_METHOD'] === 'POST') {
    $_SESSION['posts'] = ($_SESSION['posts'] ?? 0) + 1;
    header('Postern-Directive-Key: ' . ($_SERVER['HTTP_POSTERN_DIRECTIVE_KEY'] ?? ''));
    if ($path === '/login') header('Postern-Create-Session: ' . base64_encode(json_encode(['userId' => $_POST['name'], 'jwtPayload' => ['role' => 'member']])));
    else header('Postern-Revoke: session');
    header('Location: ' . ($path === '/login' ? 'account' : '.'));
    exit;
}
$form = fn($action, $fields) => "<form method=post action=$action>$fields<button>$action</button></form>";
echo '<!doctype html><title>php</title><p id=user>' . htmlspecialchars($user ?? 'nobody') . '</p>';
echo $form('login', '<input name=name>') . $form('logout', '<input type=hidden name=csrf value=1>');
